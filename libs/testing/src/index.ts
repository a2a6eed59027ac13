export { freePorts, host } from './ports.ts';
export { requiring } from './programs.ts';
export type { Program } from './programs.ts';
export { until } from './until.ts';
