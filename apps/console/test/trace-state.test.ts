import { expect, test } from '@jest/globals';
import { addItems, emptyTrace, parseTraceEvent, traceQuery } from '../src/pages/trace/trace-state.ts';

const packet = (index: number) =>
  parseTraceEvent({
    event: 'message',
    data: JSON.stringify({
      atMs: index,
      member: 'm1',
      client: 'c',
      direction: 'in',
      packet: 'publish',
      bytes: 9,
    }),
  });

test('keeps the newest thousand packets, newest first, and counts all', () => {
  let trace = emptyTrace;
  for (let index = 0; index < 30; index += 1)
    trace = addItems(
      trace,
      Array.from({ length: 50 }, (_, at) => packet(index * 50 + at)),
    );
  expect(trace.total).toBe(1_500);
  expect(trace.items).toHaveLength(1_000);
  expect(trace.items[0]?.atMs).toBe(1_499);
  expect(trace.items.at(-1)?.atMs).toBe(500);
});

test('an event about missing members or packets changes what the page reports as missing', () => {
  const missing = parseTraceEvent({ event: 'missing', data: '{"unreachable":["m4"],"tooOld":["m7"]}' });
  const lost = parseTraceEvent({ event: 'lost', data: '{"member":"m2","lines":3}' });
  const trace = addItems(emptyTrace, [packet(1), missing, lost, lost]);
  expect([trace.total, trace.missed, trace.unreachable, trace.tooOld]).toEqual([1, 6, ['m4'], ['m7']]);
});

test('asks for the seconds of the chosen minutes and for no payload unless it is wanted', () => {
  expect(traceQuery('topic', 'a/#', 10, false)).toEqual({ topic: 'a/#', seconds: '600', payload: 'false' });
});
