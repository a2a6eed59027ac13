import { waitFor } from '@mqtt-cluster/kit';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient } from '@mqtt-cluster/failover-client';
import type { MeasuredClient, MeasuredClientFactory } from './measured-client.ts';
import {
  feederName,
  feedTopic,
  openMsMax,
  ownTopic,
  seriesName,
  sessionExpirySeconds,
  witnessed,
  witnessName,
} from './protocol.ts';
import type { OpenCommand, Place } from './protocol.ts';
import { numberOf, recordFeed } from './recorder.ts';
import type { Received, Recorder } from './recorder.ts';
import { steadily } from './steady.ts';

const opening = { timeoutMs: openMsMax, intervalMs: 10 };

/** Creates clients of this repository's failover-client with its default settings, with one or two connections each. */
export function ours(name: string, redundancy: 1 | 2): MeasuredClientFactory {
  return (command, recorder) => {
    const { label, servers, rate } = command;
    const victim = servers[0]!;
    const make = (role: string, receive: Receive): FailoverClient =>
      create(command, `${label}-${name}-${role}`, victim, redundancy, receive);
    const publisher = make('publisher', () => undefined);
    const subscriber = make('subscriber', (message) => recordFeed(recorder, { name, label, ...message }));
    const settled = (client: FailoverClient): boolean => {
      const connected = client.status().servers;
      return connected.every((server) => server !== null) && connected[0] === victim.id;
    };
    let end: () => void = () => undefined;
    return {
      async open() {
        await Promise.all([publisher.start(), subscriber.start()]);
        await subscriber.subscribe({ [feedTopic(label, 0)]: { qos: 0 }, [feedTopic(label, 1)]: { qos: 1 } });
        const areSettled = (): true | undefined => [publisher, subscriber].every(settled) || undefined;
        await waitFor(`${name} to connect to ${victim.id}`, areSettled, opening);
      },
      begin() {
        end = steadily(rate, (number) => {
          recorder.sent(name);
          void publisher.publish(ownTopic(label, name), `${number}`, { qos: 1 }).then(
            () => recorder.record(seriesName(name, 'publisher')),
            () => undefined, // the client was closed meanwhile
          );
        });
      },
      rest: () => end(),
      async close() {
        end();
        await Promise.all([publisher.stop(), subscriber.stop()]);
      },
    };
  };
}

/**
 * Creates the publisher of the messages for the measured subscribers. It is connected to a member that does not fail, so
 * the gaps in its own acknowledgements are caused by the cluster itself, for example by an election.
 */
export function feeder(command: OpenCommand, recorder: Recorder): MeasuredClient {
  const { label, servers, rate } = command;
  const home = servers.at(-1)!;
  const client = create(command, `${label}-feeder`, home, 1, () => undefined);
  let end: () => void = () => undefined;
  return {
    async open() {
      await client.start();
      const isConnected = (): true | undefined => client.status().connected || undefined;
      await waitFor(`the feeding publisher to connect to ${home.id}`, isConnected, opening);
    },
    begin() {
      end = steadily(rate, (number) => {
        const qos = number % 2 === 0 ? 0 : 1;
        recorder.sent(feederName);
        void client.publish(feedTopic(label, qos), `${number}`, { qos }).then(
          () => {
            if (qos === 0) return;
            recorder.record(seriesName(feederName, 'publisher'));
            recorder.number(seriesName(feederName, 'publisher'), number);
          },
          () => undefined,
        );
      });
    },
    rest: () => end(),
    async close() {
      end();
      await client.stop();
    },
  };
}

/** Creates the subscriber that receives the messages of all measured publishers. Its member does not fail. */
export function witness(command: OpenCommand, recorder: Recorder): MeasuredClient {
  const { label, servers } = command;
  const ownOf = ownTopic(label, '');
  const client = create(command, `${label}-${witnessName}`, servers.at(-1)!, 1, ({ topic, payload }) =>
    recorder.number(witnessed(topic.slice(ownOf.length)), numberOf(payload)),
  );
  return {
    async open() {
      await client.start();
      await client.subscribe({ [`${ownOf}+`]: { qos: 1 } });
    },
    begin: () => undefined,
    rest: () => undefined,
    close: () => client.stop(),
  };
}

type Receive = (message: Received) => void;

function create(
  { servers }: OpenCommand,
  clientId: string,
  preferred: Place,
  redundancy: 1 | 2,
  receive: Receive,
): FailoverClient {
  return createFailoverClient({
    servers: servers.map(({ id, host, port }) => ({ id, url: `mqtt://${host}:${port}` })),
    clientId,
    preferred: preferred.id,
    redundancy,
    sessionExpirySeconds,
    onMessage: receive,
  });
}
