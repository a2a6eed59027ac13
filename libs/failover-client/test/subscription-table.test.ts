import { filterMatches, SubscriptionTable } from '../src/session/subscription-table.ts';

describe('SubscriptionTable', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/#', 'a', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['a', 'a/b', false],
    ['$share/g/a/#', 'a/b', true],
  ])('compares filter %s with topic %s: matches is %s', (filter, topic, matches) => {
    expect(filterMatches(filter, topic)).toBe(matches);
  });

  test('reports a subscription as unacknowledged until SUBACK, and again after a new session or changed options', () => {
    const table = new SubscriptionTable();
    table.add({ a: { qos: 1 }, b: { qos: 2 } });
    table.acknowledge(['a', 'unknown']);
    expect(table.unacknowledged()).toEqual({ b: { qos: 2 } });
    table.add({ a: { qos: 2 } });
    expect(Object.keys(table.unacknowledged()).sort()).toEqual(['a', 'b']);
    table.acknowledge(['a', 'b']);
    table.newSession();
    table.remove(['b']);
    expect(table.unacknowledged()).toEqual({ a: { qos: 2 } });
  });
});
