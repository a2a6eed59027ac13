import { expect, test } from '@jest/globals';
import { EventStreamParser } from '../src/api/event-stream.ts';

test('parses events that arrive in pieces of any size', () => {
  const stream = 'event: packet\ndata: {"a":1}\n\n: comment\n\ndata: one\r\ndata: two\r\n\r\n';
  for (const size of [1, 2, 3, 7, stream.length]) {
    const parser = new EventStreamParser();
    const events = [];
    for (let at = 0; at < stream.length; at += size) events.push(...parser.push(stream.slice(at, at + size)));
    expect(events).toEqual([
      { event: 'packet', data: '{"a":1}' },
      { event: 'message', data: 'one\ntwo' },
    ]);
  }
});

test('refuses a line that never ends', () => {
  const parser = new EventStreamParser();
  expect(() => parser.push('x'.repeat(5 * 1024 * 1024))).toThrow('4 MiB');
});
