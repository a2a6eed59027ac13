export { Bed } from './bed/bed.ts';
export { layoutOf } from './bed/layout.ts';
export type { BedLayout } from './bed/layout.ts';
