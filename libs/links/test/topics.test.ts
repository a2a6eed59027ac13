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
  expect(map.map('site/a')).toEqual({ rule: rules[0], topic: 'north/site/a', fault: null });
  expect(map.map('x/y')).toBeNull();
  expect(map.map('other')).toBeNull();
});

test('a message that comes in loses the remote prefix and gets the local one', () => {
  const map = new TopicMap(rules, 'in');
  expect(map.map('north/a/set')).toEqual({ rule: rules[2], topic: 'here/a/set', fault: null });
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

test.each([
  ['a/', '#', 'b/', 'b'],
  ['a/', '#', '', undefined],
  ['', 'a/#', 'b/', 'b/a'],
  ['a', '/#', 'b', 'b'],
])(
  'with local=%s, filter %s and remote=%s the topic a becomes %s',
  (localPrefix, filter, remotePrefix, mapped) => {
    const rule = { direction: 'out', filter, localPrefix, remotePrefix };
    const map = new TopicMap([linkRuleSchema.parse(rule)], 'out');
    expect(map.map('a')?.topic).toBe(mapped);
    if (mapped === undefined) return;
    const back = new TopicMap([linkRuleSchema.parse({ ...rule, direction: 'in' })], 'in');
    expect(back.map(mapped)?.topic).toBe('a');
  },
);

test.each([
  ['$cluster/links/evil', 'it begins with $'],
  ['$SYS/cluster/members', 'it begins with $'],
  ['/a', null],
  ['a\0b', 'it contains +, # or U+0000'],
  ['\u20ac'.repeat(21_846), 'it has more than 65535 bytes'],
  ['/'.repeat(100), 'it has more than 100 levels'],
])('a rule with prefixes maps to the topic %s: fault %s, in both directions', (topic, fault) => {
  const filter = { filter: '#', localPrefix: 'here/', remotePrefix: 'north/' };
  const map = (direction: 'in' | 'out', change: object, name: string): string | null | undefined =>
    new TopicMap([linkRuleSchema.parse({ ...filter, ...change, direction })], direction).map(name)?.fault;
  expect(map('in', { localPrefix: '' }, `north/${topic}`)).toBe(fault);
  expect(map('out', { remotePrefix: '' }, `here/${topic}`)).toBe(fault);
});
