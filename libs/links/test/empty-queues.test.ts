import { EmptyQueues } from '../src/manager/empty-queues.ts';

const serving = { state: 'serving' } as const;

test('returns the last time at which a queue was empty, and no time for one that always had messages', () => {
  const queues = new EmptyQueues();
  queues.observe('plant', { queuedMessages: 3 }, serving, 1_000);
  expect(queues.lastSeenMs('plant')).toBe(-Infinity);
  queues.observe('plant', { queuedMessages: 0 }, serving, 2_000);
  queues.observe('plant', { queuedMessages: 1 }, serving, 3_000);
  queues.observe('new', undefined, serving, 3_000);
  expect(queues.lastSeenMs('plant')).toBe(2_000);
  expect(queues.lastSeenMs('new')).toBe(3_000);
  queues.retain(new Set(['new']));
  expect(queues.lastSeenMs('plant')).toBe(-Infinity);
});

test('a member that may lack the last entries of the log sees no empty queue', () => {
  const queues = new EmptyQueues();
  queues.observe('plant', { queuedMessages: 0 }, { state: 'isolated' }, 1_000);
  expect(queues.lastSeenMs('plant')).toBe(-Infinity);
});
