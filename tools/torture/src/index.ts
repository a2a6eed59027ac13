export type * from './history/events.ts';
