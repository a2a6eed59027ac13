export { TestBed } from './bed/bed.ts';
export { layoutOf } from './bed/layout.ts';
export type { TestBedLayout } from './bed/layout.ts';
