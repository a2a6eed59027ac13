export { readArguments } from './arguments.ts';
export { Campaign } from './run/campaign.ts';
export { growthFault } from './run/memory-growth.ts';
export { faultsOf, renderReport } from './run/report.ts';
export { Fault } from './target.ts';
export type { Target } from './target.ts';
export { offlineTargets } from './targets.ts';
