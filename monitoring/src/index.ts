export { PromqlError, selectionsOf, withDurations } from './promql.ts';
export type { Selection } from './promql.ts';
