import type { ClientEffect } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const session = request('same', 3_600);
const will = { topic: 'w', payload: new Uint8Array(1_000), qos: 1, retain: false, delaySeconds: 0 } as const;

/**
 * A cluster with a persistent session of the client `same` at member a (connection 1), and a publisher at member b.
 * The home refuses only large wills itself, so the cluster refuses the will of this file.
 */
function connected(): TestCluster {
  const cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
  cluster.run(2_000);
  cluster.member('a').changeSettings({ sessionWillBytesMax: 700 });
  cluster.run(200);
  cluster.member('a').input(1, { kind: 'connect', request: session });
  cluster.member('b').input(9, { kind: 'connect', request: request('publisher') });
  cluster.run(100);
  cluster.takeEffects('a', 1);
  return cluster;
}

/** The client connects again as connection 2 with a will that the cluster refuses. */
function connectsAgain(cluster: TestCluster): void {
  cluster.member('a').input(2, { kind: 'connect', request: { ...session, will } });
}

function leaves(cluster: TestCluster): void {
  cluster.member('a').input(2, { kind: 'disconnect', graceful: false });
}

function publish(cluster: TestCluster, topic: string, packetId: number, retain = false): void {
  const message = { topic, payload: text('v'), qos: 1 as const, retain };
  cluster.member('b').input(9, { kind: 'publish', request: { ...message, packetId } });
}

function delivered(effects: readonly ClientEffect[]): string[] {
  return effects.filter((effect) => effect.kind === 'deliver').map(({ message }) => message.topic);
}

describe('the connection that a refused CONNECT would have replaced', () => {
  test.each<[string, boolean, string[]]>([
    ['whose client waits for the answer', false, ['refuse']],
    ['whose client leaves before the answer', true, []],
  ])(
    '%s receives the messages of its subscriptions [3.1.1 MQTT-4.5.0-1] [5.0 MQTT-4.5.0-1]',
    (_, hasLeft, answer) => {
      const cluster = connected();
      cluster
        .member('a')
        .input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter: 't', qos: 1 }] });
      cluster.run(100);
      connectsAgain(cluster);
      if (hasLeft) leaves(cluster);
      cluster.run(1_000);
      publish(cluster, 't', 1);
      cluster.run(100);
      expect(cluster.takeEffects('a', 2).map(({ kind }) => kind)).toEqual(answer);
      expect(delivered(cluster.takeEffects('a', 1))).toEqual(['t']);
    },
  );

  test.each<[string, boolean]>([
    ['whose client waits for the answer', false],
    ['whose client leaves before the answer', true],
  ])(
    '%s receives the retained messages behind the bound of one entry [3.1.1 MQTT-3.3.1-6] [5.0 MQTT-3.3.1-9]',
    (_, hasLeft) => {
      const cluster = connected();
      // More than six entries examine, whose bound counts the levels of the topics.
      const topics = 1_600;
      const levels = '/x'.repeat(40);
      for (let topic = 0; topic < topics; topic++)
        publish(cluster, `t/${topic}${levels}/other`, 1 + topic, true);
      publish(cluster, `u${levels}/x/wanted`, 1 + topics, true);
      cluster.run(100);
      let connects = 0;
      cluster.onOutput('a', (output) => {
        if (connects === 0 && output.effects.some(({ kind }) => kind === 'suback')) {
          connects++;
          connectsAgain(cluster);
          if (hasLeft) leaves(cluster);
        }
        return output;
      });
      const subscriptions = [{ filter: `+${'/+'.repeat(41)}/wanted`, qos: 1 as const }];
      cluster.member('a').input(1, { kind: 'subscribe', packetId: 1, subscriptions });
      const received: string[] = [];
      cluster.until('delivery', () => {
        received.push(...delivered(cluster.takeEffects('a', 1)));
        return received.length > 0;
      });
      expect(connects).toBe(1);
      expect(received).toEqual([`u${levels}/x/wanted`]);
    },
  );
});
