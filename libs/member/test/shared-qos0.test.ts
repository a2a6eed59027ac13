import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const publisher = 1;
const subscriber = 2;

describe('a QoS 0 message for a shared subscription whose clients are at several members', () => {
  let cluster: TestCluster;

  const delivered = (): DeliverEffect[] =>
    ['b', 'c'].flatMap((at) =>
      cluster
        .takeEffects(at, subscriber)
        .filter((effect): effect is DeliverEffect => effect.kind === 'deliver'),
    );

  beforeEach(() => {
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    const will = { topic: 'x', payload: text('will'), qos: 0, retain: false, delaySeconds: 0 } as const;
    cluster.member('a').input(publisher, { kind: 'connect', request: { ...request('publisher'), will } });
    for (const at of ['b', 'c']) {
      cluster.member(at).input(subscriber, { kind: 'connect', request: request(`subscriber-${at}`) });
      cluster.run(100);
      const subscription = {
        filter: '$share/group/x',
        qos: 1,
        retainAsPublished: true,
        subscriptionIdentifier: 7,
      } as const;
      cluster.member(at).input(subscriber, { kind: 'subscribe', packetId: 1, subscriptions: [subscription] });
      cluster.run(200);
    }
    delivered();
  });

  test.each([false, true])(
    'with RETAIN %s reaches one of them, with its options and identifier [5.0 MQTT-3.3.4-3] [5.0 MQTT-3.3.1-13]',
    (retain) => {
      for (let count = 0; count < 4; count++) {
        const publish = { topic: 'x', payload: text('x'), qos: 0, retain } as const;
        cluster.member('a').input(publisher, { kind: 'publish', request: publish });
        cluster.run(200);
        expect(delivered()).toMatchObject([{ qos: 0, retain, subscriptionIdentifiers: [7] }]);
      }
    },
  );

  test('reaches one of them if it is a will', () => {
    cluster.member('a').input(publisher, { kind: 'disconnect', graceful: false });
    cluster.run(200);
    expect(delivered()).toMatchObject([{ qos: 0, message: { payload: text('will') } }]);
  });
});
