export { createPublisher } from './publisher.ts';
export * from './types.ts';
