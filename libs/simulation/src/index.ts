export { usualClient } from './client.ts';
export type { ClientOptions, SimulatedClient } from './client.ts';
export type { Publication, Violation } from './history.ts';
export { createSimulatedMember, settingsOf, smallLimits } from './member-factory.ts';
export type { SimulatedSettings } from './member-factory.ts';
export { runSeed } from './run-seed.ts';
export type { RunOptions, RunReport } from './run-seed.ts';
export { memberNames, World } from './world.ts';
export type { CreateSimulatedMember, WorldOptions } from './world.ts';
