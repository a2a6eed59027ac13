import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient } from '@mqtt-cluster/failover-client';
import { become } from './measured-client.ts';
import type { MeasuredClient, MeasuredClientFactory } from './measured-client.ts';
import { feedTopic, openMsMax, ownTopic, seriesName, sessionExpirySeconds } from './protocol.ts';
import type { OpenCommand, Place } from './protocol.ts';
import type { Recorder } from './recorder.ts';
import { steadily } from './steady.ts';

const feederName = 'publisher at another member';

/** Our failover-client with its defaults, with one connection or with two. */
export function ours(name: string, redundancy: 1 | 2): MeasuredClientFactory {
  return (command, recorder) => {
    const { label, servers, rate } = command;
    const victim = servers[0]!;
    const make = (role: string, receive: (topic: string) => void): FailoverClient =>
      create(command, `${label}-${name}-${role}`, victim, redundancy, receive);
    const publisher = make('publisher', () => undefined);
    const subscriber = make('subscriber', (topic) => recordFeed(recorder, name, label, topic));
    const settled = (client: FailoverClient): boolean => {
      const connected = client.status().servers;
      return connected.every((server) => server !== null) && connected[0] === victim.id;
    };
    let end: () => void = () => undefined;
    return {
      async open() {
        await Promise.all([publisher.start(), subscriber.start()]);
        await subscriber.subscribe({ [feedTopic(label, 0)]: { qos: 0 }, [feedTopic(label, 1)]: { qos: 1 } });
        await become(`${name} is connected to ${victim.id}`, openMsMax, () =>
          [publisher, subscriber].every(settled),
        );
      },
      begin() {
        end = steadily(rate, (number) => {
          void publisher.publish(ownTopic(label, name), `${number}`, { qos: 1 }).then(
            () => recorder.record(seriesName(name, 'publisher')),
            () => undefined, // closed meanwhile
          );
        });
      },
      async close() {
        end();
        await Promise.all([publisher.stop(), subscriber.stop()]);
      },
    };
  };
}

/**
 * Publishes what the measured subscribers receive, from a member that does not fail: what its acks show is the cluster's
 * own part of a gap, such as an election.
 */
export function feeder(command: OpenCommand, recorder: Recorder): MeasuredClient {
  const { label, servers, rate } = command;
  const home = servers.at(-1)!;
  const client = create(command, `${label}-feeder`, home, 1, () => undefined);
  let end: () => void = () => undefined;
  return {
    async open() {
      await client.start();
      await become(
        `the feeding publisher is connected to ${home.id}`,
        openMsMax,
        () => client.status().connected,
      );
    },
    begin() {
      end = steadily(rate, (number) => {
        const qos = number % 2 === 0 ? 0 : 1;
        void client.publish(feedTopic(label, qos), `${number}`, { qos }).then(
          () => qos === 1 && recorder.record(seriesName(feederName, 'publisher')),
          () => undefined,
        );
      });
    },
    async close() {
      end();
      await client.stop();
    },
  };
}

function create(
  { servers }: OpenCommand,
  clientId: string,
  preferred: Place,
  redundancy: 1 | 2,
  receive: (topic: string) => void,
): FailoverClient {
  return createFailoverClient({
    servers: servers.map(({ id, host, port }) => ({ id, url: `mqtt://${host}:${port}` })),
    clientId,
    preferred: preferred.id,
    redundancy,
    sessionExpirySeconds,
    onMessage: ({ topic }) => receive(topic),
  });
}

export function recordFeed(recorder: Recorder, name: string, label: string, topic: string): void {
  if (topic === feedTopic(label, 0)) recorder.record(seriesName(name, 'subscriber QoS 0'));
  else if (topic === feedTopic(label, 1)) recorder.record(seriesName(name, 'subscriber QoS 1'));
}
