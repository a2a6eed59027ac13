import { linkRuleSchema } from '@mqtt-cluster/contracts';
import { filterMatches, filtersOverlap } from '../src/topics/filters.ts';
import { TopicMap } from '../src/topics/topic-map.ts';

test.each([
  ['#', 'a/b', true],
  ['a/#', 'a', true],
  ['a/+', 'a', false],
  ['a/+', 'a/b', true],
  ['a/+/c', 'a/b/d', false],
  ['+', '$SYS', false],
  ['#', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
  ['a/b', 'a/b/c', false],
])('filter %s, topic %s: %s', (filter, topic, matches) => {
  expect(filterMatches(filter, topic)).toBe(matches);
});

test.each([
  ['a/#', '+/b', true],
  ['a/b', 'a/+', true],
  ['a/b', 'a/c', false],
  ['a', 'a/#', true],
  ['a/+', 'a/b/c', false],
  ['#', 'x/y', true],
])('filters %s and %s overlap: %s, in both orders', (one, other, overlap) => {
  expect([filtersOverlap(one, other), filtersOverlap(other, one)]).toEqual([overlap, overlap]);
});

const rules = [
  { direction: 'out', filter: 'site/#', remotePrefix: 'north/' },
  { direction: 'out', filter: '#', localPrefix: 'x', qosMax: 0 },
  { direction: 'in', filter: '+/set', localPrefix: 'here/', remotePrefix: 'north/' },
].map((each) => linkRuleSchema.parse(each));

test('a message that goes out loses the local prefix and gets the remote one, by the first rule that matches', () => {
  const map = new TopicMap(rules, 'out');
  expect(map.map('site/a')).toEqual({ rule: rules[0], topic: 'north/site/a' });
  expect(map.map('x/y')).toBeNull();
  expect(map.map('other')).toBeNull();
});

test('a message that comes in loses the remote prefix and gets the local one', () => {
  const map = new TopicMap(rules, 'in');
  expect(map.map('north/a/set')).toEqual({ rule: rules[2], topic: 'here/a/set' });
  expect(map.map('a/set')).toBeNull();
});

test('a topic of which nothing is left without its prefix is not mapped: MQTT has no empty topic', () => {
  const map = new TopicMap(
    [linkRuleSchema.parse({ direction: 'out', filter: '/#', localPrefix: 'a' })],
    'out',
  );
  expect(map.map('a')).toBeNull();
  expect(map.map('a/b')?.topic).toBe('/b');
});
