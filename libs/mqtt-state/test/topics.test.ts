import { heldBytes } from '@mqtt-cluster/testing';
import fc from 'fast-check';
import {
  parseSharedFilter,
  SubscriptionTrie,
  topicMatches,
  TopicTree,
  compareTopics,
  isValidTopicFilter,
  isValidTopicName,
} from '../src/index.ts';

const level = fc.constantFrom('', 'a', 'b', '$x', '__proto__', 'constructor');
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isValidTopicName);
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 3 }), fc.constantFrom('a', '+', '#', ''))
  .map(([levels, last]) => [...levels, last].join('/'))
  .filter(isValidTopicFilter);

/** Compares two topics as lists of levels. */
function byLevels(left: string, right: string): number {
  const [one, other] = [left.split('/'), right.split('/')];
  for (const [depth, name] of one.entries()) {
    const against = other[depth];
    if (against === undefined || name > against) return 1;
    if (name < against) return -1;
  }
  return one.length - other.length;
}

describe('topic names and filters', () => {
  test.each([
    ['a/#', 'a', true],
    ['a/#', 'a/', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['+', '/a', false],
    ['/+', '/a', true],
    ['+/+', '/a', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['$SYS/+', '$SYS/x', true],
    ['#', 'a/$x', true],
    ['a', 'A', false],
  ])(
    'filter %s matches topic %s: %p [3.1.1 MQTT-4.7.2-1] [3.1.1 MQTT-4.7.3-4] [5.0 MQTT-4.7.2-1] [5.0 MQTT-4.7.3-4]',
    (one, other, expected) => {
      expect(topicMatches(one, other)).toBe(expected);
    },
  );

  test.each([
    '',
    'a#',
    'a/#/b',
    'a+',
    '+b',
    'a/b+/c',
    '#/',
    'a\0',
    '$share/g',
    '$share//a',
    '$share/g/',
    '$share',
    '$share/+/a',
    '$share/g/a#',
    'a/'.repeat(300),
  ])(
    '%j is not a valid filter [3.1.1 MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-3] [5.0 MQTT-4.7.1-1] [5.0 MQTT-4.7.1-2] [5.0 MQTT-4.8.2-1] [5.0 MQTT-4.8.2-2]',
    (wrong) => expect(isValidTopicFilter(wrong)).toBe(false),
  );

  test.each(['#', '+', '/', '+/+/#', 'a//b', '$share/g/#', '$share/g//', '$sharex', '$SYS/#'])(
    '%j is a valid filter',
    (right) => expect(isValidTopicFilter(right)).toBe(true),
  );

  test.each(['', 'a/#', '+', 'a\0b', 'a/'.repeat(300)])(
    '%j is not a valid topic name [3.1.1 MQTT-3.3.2-2] [5.0 MQTT-3.3.2-2]',
    (wrong) => expect(isValidTopicName(wrong)).toBe(false),
  );

  test('parseSharedFilter splits a shared filter into ShareName and filter', () => {
    expect(parseSharedFilter('$share/g/a/b')).toEqual({ shareName: 'g', filter: 'a/b' });
    expect(parseSharedFilter('$share/g//')).toEqual({ shareName: 'g', filter: '/' });
    expect(parseSharedFilter('a/b')).toBeNull();
  });
});

test('the subscription trie finds the same filters that topicMatches finds when it compares the topic with each filter', () => {
  const change = fc.record({ add: fc.boolean(), filter, key: fc.constantFrom('c', 'd', '__proto__') });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 30 }),
      fc.array(topic, { minLength: 1, maxLength: 5 }),
      (changes, topics) => {
        const trie = new SubscriptionTrie<string>();
        const expected = new Map<string, string>();
        for (const { add, filter: changed, key } of changes) {
          const id = `${key} ${changed}`;
          if (add) trie.add(changed, key, id);
          else expect(trie.remove(changed, key)).toBe(expected.has(id));
          if (add) expected.set(id, changed);
          else expected.delete(id);
          for (const name of topics) {
            const found: string[] = [];
            trie.match(name, (value) => found.push(value));
            const wanted = [...expected]
              .filter(([, known]) => topicMatches(known, name))
              .map(([known]) => known);
            expect(found.sort()).toEqual(wanted.sort());
          }
          expect(trie.size).toBe(expected.size);
        }
      },
    ),
  );
});

test('the topic tree finds the same topics that topicMatches finds when it compares the filter with each topic', () => {
  const change = fc.record({ set: fc.boolean(), topic });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 30 }),
      fc.array(filter, { minLength: 1, maxLength: 5 }),
      (changes, filters) => {
        const isMarked = (name: string): boolean => name.endsWith('a') || name === 'b';
        const tree = new TopicTree(isMarked);
        const expected = new Set<string>();
        for (const { set, topic: changed } of changes) {
          if (set) tree.set(changed, changed);
          else expect(tree.delete(changed)).toBe(expected.has(changed));
          if (set) expected.add(changed);
          else expected.delete(changed);
        }
        for (const wanted of filters) {
          const found: string[] = [];
          tree.match(wanted, (value) => found.push(value));
          const matching = [...expected].filter((name) => topicMatches(wanted, name)).sort(compareTopics);
          expect(found).toEqual(matching);
          const marked: string[] = [];
          tree.visitAfter(wanted, null, (value) => marked.push(value) > 0, { markedOnly: true });
          expect(marked).toEqual(matching.filter(isMarked));
          for (const nodesLeft of [1, 2, 3]) expect(visitInParts(tree, wanted, nodesLeft)).toEqual(matching);
          for (const start of ['a', 'a/b', '/', 'b/$x/zz', ...matching]) {
            const rest: string[] = [];
            tree.visitAfter(wanted, start, (value) => rest.push(value) < 2);
            expect(rest).toEqual(matching.filter((name) => compareTopics(start, name) < 0).slice(0, 2));
          }
        }
        expect(tree.size).toBe(expected.size);
      },
    ),
  );
});

test('compareTopics orders topics level by level, and a topic before the topics below it', () => {
  const anyTopic = fc.array(fc.constantFrom('a', '!', '/', '\u0001', 'ab', '\u{10400}', '\uff21'), {
    minLength: 1,
  });
  fc.assert(
    fc.property(anyTopic, anyTopic, (left, right) => {
      const [one, other] = [left.join(''), right.join('')];
      expect(Math.sign(compareTopics(one, other))).toBe(Math.sign(byLevels(one, other)));
    }),
  );
});

/** Visits all matches in several visits that examine at most `nodesLeft` nodes each. */
function visitInParts(tree: TopicTree<string>, wanted: string, nodesLeft: number): string[] {
  const found: string[] = [];
  for (let after: string | null = null; ;) {
    after = tree.visitAfter(wanted, after, (value) => found.push(value) > 0, { budget: { nodesLeft } });
    if (after === null) return found;
  }
}

test('a topic tree with many topics in one level visits them in order from any topic', () => {
  const tree = new TopicTree<string>();
  const names = Array.from({ length: 3_000 }, (_, number) => `x/${(number * 7_919) % 3_000}`);
  for (const name of names) tree.set(name, name);
  for (const name of names.slice(0, 1_000)) tree.delete(name);
  const expected = names.slice(1_000).sort(compareTopics);
  const found: string[] = [];
  for (let after: string | null = null, before = -1; before < found.length;) {
    before = found.length;
    tree.visitAfter('x/+', after, (name) => found.push(name) < before + 7);
    after = found.at(-1) ?? null;
  }
  expect(found).toEqual(expected);
});

test('a visit of marked values follows a value that gains or loses its mark', () => {
  const tree = new TopicTree<number>((value) => value > 0);
  const marked = (): number[] => {
    const found: number[] = [];
    tree.visitAfter('#', null, (value) => found.push(value) > 0, { markedOnly: true });
    return found;
  };
  tree.set('a', 0);
  tree.set('a/b', 1);
  expect(marked()).toEqual([1]);
  tree.set('a', 2);
  tree.set('a/b', 0);
  expect(marked()).toEqual([2]);
  tree.delete('a');
  expect(marked()).toEqual([]);
});

describe('a level that is left of a long topic', () => {
  const count = 500;
  const longBytes = 40_000;
  const shared = (number: number): string => `a-level-of-many-topics-${number}`;
  // Each text is a string of its own, as the broker decodes it from a packet.
  const long = (number: number): string =>
    Buffer.from(`${shared(number)}/${'x'.repeat(longBytes)}`).toString();

  test('does not keep the long filter in the trie', () => {
    const held = heldBytes(() => {
      const trie = new SubscriptionTrie<number>();
      for (let number = 0; number < count; number++) {
        trie.add(long(number), 'client', number);
        trie.add(`${shared(number)}/short`, 'client', number);
        trie.remove(long(number), 'client');
      }
      return trie;
    });
    expect(held).toBeLessThan((count * longBytes) / 4);
  });

  test('does not keep the long topic in the tree', () => {
    const held = heldBytes(() => {
      const tree = new TopicTree<number>();
      for (let number = 0; number < count; number++) {
        tree.set(long(number), number);
        tree.set(`${shared(number)}/short`, number);
        tree.delete(long(number));
      }
      return tree;
    });
    expect(held).toBeLessThan((count * longBytes) / 4);
  });
});
