import type { InterestMessage } from '@mqtt-cluster/contracts';
import { topicMatches } from '@mqtt-cluster/mqtt-state';
import { interestIn } from '../src/home/live/interest-filter.ts';
import { request, TestCluster, text } from './cluster.ts';

const long = 'f'.repeat(50_000);

describe('the filter that a member announces', () => {
  test('is the subscribed filter up to 128 characters', () => {
    for (const filter of ['a', 'a/+/b', '#', '/', '$SYS/#', `a/${'b'.repeat(126)}`])
      expect(interestIn(filter)).toBe(filter);
  });

  test.each([
    [`site/7/${long}`, 'site/7/#', `site/7/${long}`],
    [`site/+/${long}/+/x`, 'site/+/#', `site/7/${long}/y/x`],
    [`+/${long}/#`, '+/#', `site/${long}`],
    [`/${long}`, '/#', `/${long}`],
    [`$house/${long}/#`, '$house/#', `$house/${long}/a`],
    [long, '#', long],
    [`a/${'b'.repeat(127)}`, 'a/#', `a/${'b'.repeat(127)}`],
  ])('is a short filter that matches all topics of a long one (%#)', (filter, announced, topic) => {
    expect(interestIn(filter)).toBe(announced);
    expect(topicMatches(filter, topic)).toBe(true);
    expect(topicMatches(announced, topic)).toBe(true);
  });

  test('is the subscribed filter if its long first level begins with $, which no wildcard matches', () => {
    expect(interestIn(`$${long}`)).toBe(`$${long}`);
  });
});

describe('the interest in long filters', () => {
  test('takes few bytes, and each client receives the messages of its own filters', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    const sent: InterestMessage[] = [];
    cluster.onOutput('a', (output) => {
      for (const { message } of output.send) if (message.type === 'interest') sent.push(message);
      return output;
    });
    const subscriber = cluster.member('a');
    subscriber.input(1, {
      kind: 'connect',
      request: { ...request('s'), clean: false, sessionExpirySeconds: 60 },
    });
    cluster.member('b').input(1, { kind: 'connect', request: request('p') });
    cluster.run(100);
    const filters = Array.from({ length: 40 }, (_, number) => `site/${number}/${long}`);
    subscriber.input(1, {
      kind: 'subscribe',
      packetId: 1,
      subscriptions: filters.map((filter) => ({ filter, qos: 0 })),
    });
    cluster.run(500);
    const publish = (topic: string): void =>
      cluster
        .member('b')
        .input(1, { kind: 'publish', request: { topic, payload: text('x'), qos: 0, retain: false } });
    publish(filters[7]!);
    publish('site/7/other');
    cluster.run(100);
    const delivered = cluster
      .takeEffects('a', 1)
      .flatMap((effect) => (effect.kind === 'deliver' ? [effect.message.topic] : []));
    expect(delivered).toEqual([filters[7]]);
    subscriber.input(1, { kind: 'unsubscribe', packetId: 2, filters });
    cluster.run(500);
    const changed = sent.flatMap(({ add, remove }) => [...add, ...remove]);
    // Both peers receive each filter twice: when it is added and when it is removed.
    expect(changed).toHaveLength(4 * filters.length);
    expect(changed.join('').length).toBeLessThan(2_000);
  });
});
