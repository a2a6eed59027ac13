export { parseFaults } from './fault-plan.ts';
export { judge } from './load/verdict.ts';
export type { Verdict } from './load/verdict.ts';
