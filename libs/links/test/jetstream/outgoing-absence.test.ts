import { duplicateWindowMs, JetstreamHalf as Half, unreachable } from '../support/jetstream-half.ts';

test('within the duplicate window the link sends again without a comparison: the server drops the repetition', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs - 20_000;
  half.answer = 'repeated';
  await half.connect();
  expect(half.compared).toEqual([]);
  expect(half.stored).toEqual(['a']);
  expect(half.acknowledged).toEqual([1]);
  expect(half.counters.possibleDuplicates).toBe(0);
});

test('after the duplicate window a stored message is acknowledged without being sent', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs;
  half.verdict = 'stored';
  // The second message of the topic was never sent.
  half.deliver(2, 'a');
  await half.connect();
  expect(half.compared).toEqual(['a']);
  expect(half.stored).toEqual(['a']);
  expect(half.acknowledged).toEqual([1, 2]);
  expect(half.counters.sent[1]).toBe(2);
  expect(half.counters.possibleDuplicates).toBe(0);
});

test('after the duplicate window a missing message is sent and not counted as a possible duplicate', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs;
  half.verdict = 'missing';
  await half.connect();
  expect(half.stored).toEqual(['a']);
  expect(half.acknowledged).toEqual([1]);
  expect(half.counters.possibleDuplicates).toBe(0);
});

test('an undecided message is sent and counted, also if a connection ends before the answer', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs;
  half.answer = null;
  await half.connect();
  half.outgoing.onDisconnected();
  expect(half.counters.possibleDuplicates).toBe(1);
  half.answer = 'repeated';
  await half.connect();
  expect(half.compared).toEqual(['a']);
  expect(half.acknowledged).toEqual([1]);
  expect(half.counters.possibleDuplicates).toBe(1);
});

test('the next connection compares again if one ends during the comparison', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs;
  half.verdict = unreachable;
  await half.connect();
  half.outgoing.onDisconnected();
  expect(half.faults).toEqual(['connection: the server does not answer']);
  half.verdict = null;
  await half.connect();
  half.outgoing.onDisconnected();
  half.verdict = 'stored';
  await half.connect();
  expect(half.compared).toEqual(['a', 'a', 'a']);
  expect(half.stored).toEqual([]);
  expect(half.acknowledged).toEqual([1]);
});

test('the link says that it may not ask the stream, and sends the message', async () => {
  const half = new Half();
  await half.loseAnswer();
  half.nowMs = duplicateWindowMs;
  half.verdict = { kind: 'final', text: 'no permission' };
  await half.connect();
  expect(half.faults).toEqual([
    'the link cannot compare messages with the stream, and sends them again: no permission',
  ]);
  expect(half.acknowledged).toEqual([1]);
  expect(half.counters.possibleDuplicates).toBe(1);
});

test('the next runner compares messages that the former one may have sent at an unknown time', async () => {
  const half = new Half(-Infinity);
  half.deliver(1, 'a', true);
  half.deliver(2, 'b', true);
  half.deliver(3, 'c');
  half.verdict = 'stored';
  await half.connect();
  expect(half.compared).toEqual(['a', 'b']);
  expect(half.stored).toEqual(['c']);
});

test('the next runner compares nothing if the queue was empty within the duplicate window', async () => {
  const half = new Half(0);
  half.nowMs = duplicateWindowMs - 20_000;
  half.deliver(1, 'a', true);
  await half.connect();
  expect(half.compared).toEqual([]);
  expect(half.stored).toEqual(['a']);
});

test('one comparison decides for all repetitions of a subject: the first one that is sent spoils the next', async () => {
  const half = new Half(-Infinity);
  half.deliver(1, 'a', true);
  half.deliver(2, 'a', true);
  await half.connect();
  half.answer = 'repeated';
  half.deliver(3, 'a', true);
  half.deliver(4, 'b', true);
  half.deliver(5, 'a');
  await new Promise((resolve) => setImmediate(resolve));
  expect(half.compared).toEqual(['a', 'b']);
  expect(half.stored).toEqual(['a', 'a', 'a', 'a', 'b']);
  expect(half.acknowledged.toSorted()).toEqual([1, 2, 3, 4, 5]);
  // The server has recognised the others, so they are no duplicates.
  expect(half.counters.possibleDuplicates).toBe(2);
});
