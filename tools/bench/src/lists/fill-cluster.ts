import { generate } from 'mqtt-packet';
import { RawClient } from '../generator/client.ts';
import type { Endpoint } from '../generator/load.ts';
import { openInBatches } from '../generator/open-in-batches.ts';
import { packetTypes } from '../wire.ts';

const publishers = 4;
const unacknowledgedMax = 200;
const payload = Buffer.alloc(64, 0x2e);
const areas = 100;

export interface Contents {
  /** Sessions, connected or absent. */
  readonly clients: number;
  /** How many of the clients stay connected. Every second one of them has a clean session. */
  readonly connected: number;
  readonly retained: number;
}

/** Name of a client: the names of all clients are spread over the areas. */
export function clientId(number: number): string {
  return `area-${number % areas}-device-${number}`;
}

/** Topic of a retained message. */
function topicOf(number: number): string {
  return `lists/area-${number % areas}/device-${number}/state`;
}

/** A topic that all sessions have subscribed to. */
export const alarmTopic = 'lists/alarms/fire';
const alarmFilter = 'lists/alarms/#';

/** Filters with many and with few matches among the retained messages, and the filter of the sessions. */
export const filters = {
  oneArea: 'lists/area-7/#',
  oneDevice: `lists/+/device-${areas + 7}/state`,
  alarms: alarmFilter,
} as const;

/** Opens the sessions. Returns the clients that stay connected. @throws Error a client was refused or disconnected */
export async function openSessions(
  endpoints: readonly Endpoint[],
  { clients, connected }: Contents,
  log: (text: string) => void,
): Promise<RawClient[]> {
  const stay: RawClient[] = [];
  const open = async (number: number, onFailure: (error: Error) => void): Promise<void> => {
    const stays = number < connected;
    const clean = stays && number % 2 === 0;
    const endpoint = endpoints[number % endpoints.length]!;
    const client = await RawClient.open(endpoint, clientId(number), clean, onFailure);
    await client.subscribe(`lists/area-${number % areas}/device-${number}/+`, 0);
    await client.subscribe(alarmFilter, 1);
    if (stays) stay.push(client);
    else client.close();
  };
  await openInBatches(clients, open, (opened) => log(`${opened} sessions are open`));
  return stay;
}

/** Publishes the retained messages with QoS 1, from several clients at several members. */
export async function publishRetained(
  endpoints: readonly Endpoint[],
  { retained }: Contents,
  log: (text: string) => void,
): Promise<void> {
  let acknowledged = 0;
  const part = Math.ceil(retained / publishers);
  await Promise.all(
    Array.from({ length: publishers }, async (_, publisher) => {
      const from = publisher * part;
      const endpoint = endpoints[publisher % endpoints.length]!;
      await publishRange(
        endpoint,
        `lists-publisher-${publisher}`,
        from,
        Math.min(retained, from + part),
        () => {
          if (++acknowledged % 20_000 === 0) log(`${acknowledged} retained messages are published`);
        },
      );
    }),
  );
}

async function publishRange(
  endpoint: Endpoint,
  id: string,
  from: number,
  until: number,
  onAcknowledged: () => void,
): Promise<void> {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  failed.catch(() => undefined);
  const client = await RawClient.open(endpoint, id, true, (error) => fail(error));
  let next = from;
  let open = 0;
  const done = new Promise<void>((resolve) => {
    const send = (): void => {
      while (open < unacknowledgedMax && next < until) {
        const messageId = (next % 65_535) + 1;
        const topic = topicOf(next++);
        open++;
        client.socket.write(
          generate({ cmd: 'publish', topic, payload, qos: 1, retain: true, dup: false, messageId }),
        );
      }
      if (open === 0) resolve();
    };
    client.onPackets((first) => {
      if (first >> 4 !== packetTypes.puback) return;
      open--;
      onAcknowledged();
      send();
    });
    send();
  });
  await Promise.race([done, failed]);
  client.close();
}
