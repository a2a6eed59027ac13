import { expect, test } from '@jest/globals';
import { filterError, topicError } from '../src/text/topic-filter.ts';

test('accepts the filters of MQTT and explains the others', () => {
  for (const filter of ['#', 'a/#', '+', 'a/+/b', '/', '$SYS/#']) expect(filterError(filter)).toBeNull();
  for (const filter of ['', 'a#', 'a/#/b', 'a+', 'a/b+/c', 'a\u0000b'])
    expect(filterError(filter)).toMatch(/\.$/);
});

test('accepts topic names without wildcards only', () => {
  expect(topicError('plant/line1')).toBeNull();
  for (const topic of ['', 'a/+', 'a/#', 'a\u0000']) expect(topicError(topic)).toMatch(/\.$/);
});
