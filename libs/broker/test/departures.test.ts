/**
 * The known departures of Aedes from MQTT 3.1.1 that affect data. Each scenario runs against our broker,
 * which must follow the specification, and against unmodified Aedes, which must violate the specification.
 * When unmodified Aedes passes a scenario, a new version of Aedes has fixed the departure.
 */
import {
  connect,
  connectPacket,
  open,
  startBroker,
  startBrokerWithMember,
  startStockAedes,
} from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';

interface Departure {
  readonly name: string;
  readonly expected: unknown;
  run(target: Target): Promise<unknown>;
}

const payloads = (client: RawClient): string[] => client.publishes.map(({ payload }) => payload.toString());

async function publishAcknowledged(
  client: RawClient,
  topic: string,
  payload: string,
  retain = false,
): Promise<void> {
  client.publish(topic, payload, { qos: 1, messageId: 77, retain });
  await client.next('puback');
  await client.settle();
}

/** Creates a persistent session with these filters, and disconnects it. */
async function offlineSession(target: Target, ...filters: [string, 0 | 1 | 2][]): Promise<void> {
  const client = await connect(target, 'offline', { clean: false });
  for (const [index, [filter, qos]] of filters.entries()) await client.subscribe(index + 1, filter, qos);
  await client.disconnect();
}

async function resumeSession(target: Target): Promise<RawClient> {
  const client = await connect(target, 'offline', { clean: false });
  await client.settle();
  return client;
}

const departures: Departure[] = [
  {
    name: '1: handles SUBSCRIBE, UNSUBSCRIBE and SUBSCRIBE in order when one TCP segment contains all three',
    expected: ['x'],
    async run(target) {
      const client = await connect(target, 'c', { clean: false });
      const subscribe = { cmd: 'subscribe' as const, subscriptions: [{ topic: 'a', qos: 1 as const }] };
      client.send(
        { ...subscribe, messageId: 1 },
        { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] },
        { ...subscribe, messageId: 3 },
      );
      await client.next('suback');
      await client.next('unsuback');
      await client.next('suback');
      await client.settle();
      await publishAcknowledged(client, 'a', 'x');
      return payloads(client);
    },
  },
  {
    name: '1: delivers one message when one TCP segment contains two copies of a QoS 2 PUBLISH [3.1.1 MQTT-4.3.3-2]',
    expected: ['once'],
    async run(target) {
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a', 0);
      const publisher = await connect(target, 'p');
      const packet = { cmd: 'publish' as const, topic: 'a', payload: 'once', qos: 2 as const, retain: false };
      publisher.send({ ...packet, messageId: 9, dup: false }, { ...packet, messageId: 9, dup: true });
      await publisher.next('pubrec');
      await publisher.next('pubrec');
      publisher.send({ cmd: 'pubrel', messageId: 9 });
      await publisher.next('pubcomp');
      await subscriber.settle();
      return payloads(subscriber);
    },
  },
  {
    name: '2: lowers the QoS of a message to the QoS of a wildcard subscription [3.1.1 MQTT-3.8.4-6]',
    expected: 1,
    async run(target) {
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a/#', 1);
      const publisher = await connect(target, 'p');
      publisher.publish('a/b', 'x', { qos: 2, messageId: 1 });
      return (await subscriber.next('publish')).qos;
    },
  },
  {
    name: '2: lowers the QoS of a queued message to the QoS of the subscription [3.1.1 MQTT-3.8.4-6]',
    expected: 1,
    async run(target) {
      await offlineSession(target, ['a/#', 1]);
      const publisher = await connect(target, 'p');
      publisher.publish('a/b', 'x', { qos: 2, messageId: 1 });
      await publisher.next('pubrec');
      await publisher.settle();
      const client = await connect(target, 'offline', { clean: false });
      return (await client.next('publish')).qos;
    },
  },
  {
    name: '2: lowers the QoS of a retained message to the QoS of the subscription [3.1.1 MQTT-3.8.4-6]',
    expected: 1,
    async run(target) {
      const client = await connect(target, 'c');
      client.publish('a/b', 'x', { qos: 2, messageId: 1, retain: true });
      await client.next('pubrec');
      await client.settle();
      await client.subscribe(2, 'a/+', 1);
      return (await client.next('publish')).qos;
    },
  },
  {
    name: '3: delivers a message to a connected client with the highest QoS of the overlapping filters [3.1.1 MQTT-3.3.5-1]',
    expected: [2, 2],
    async run(target) {
      const most = await connect(target, 'most');
      await most.subscribe(1, 'a/+', 0);
      await most.subscribe(2, 'a/#', 2);
      const other = await connect(target, 'other');
      await other.subscribe(1, 'a/+', 2);
      await other.subscribe(2, 'a/#', 0);
      const publisher = await connect(target, 'p');
      publisher.publish('a/b', 'x', { qos: 2, messageId: 1 });
      await publisher.next('pubrec');
      await publisher.settle();
      await most.settle();
      await other.settle();
      return [...most.publishes, ...other.publishes].map(({ qos }) => qos);
    },
  },
  {
    name: '3: queues one copy of a message for an offline client with overlapping filters',
    expected: ['x'],
    async run(target) {
      await offlineSession(target, ['a/+', 1], ['a/#', 1]);
      await publishAcknowledged(await connect(target, 'p'), 'a/b', 'x');
      return payloads(await resumeSession(target));
    },
  },
  {
    name: '4: delivers a queued message with RETAIN=0 [3.1.1 MQTT-3.3.1-9]',
    expected: [false],
    async run(target) {
      await offlineSession(target, ['a', 1]);
      await publishAcknowledged(await connect(target, 'p'), 'a', 'x', true);
      return (await resumeSession(target)).publishes.map(({ retain }) => retain);
    },
  },
  {
    name: '5: redelivers an unacknowledged message with DUP=1 [3.1.1 MQTT-3.3.1-1]',
    expected: [false, true],
    async run(target) {
      const client = await connect(target, 'offline', { clean: false });
      await client.subscribe(1, 'a', 1);
      client.publish('a', 'x', { qos: 1, messageId: 1 });
      const first = await client.next('publish');
      client.drop();
      await client.closed;
      const again = await connect(target, 'offline', { clean: false });
      return [first.dup, (await again.next('publish')).dup];
    },
  },
  {
    name: "5: does not copy the publisher's DUP to subscribers [3.1.1 MQTT-3.3.1-3]",
    expected: false,
    async run(target) {
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a', 1);
      const publisher = await connect(target, 'p');
      publisher.publish('a', 'x', { qos: 1, messageId: 1, dup: true });
      return (await subscriber.next('publish')).dup;
    },
  },
  {
    name: '6: reports Session Present for a session without subscriptions [3.1.1 MQTT-3.2.2-2]',
    expected: [false, true],
    async run(target) {
      const present: boolean[] = [];
      for (let round = 0; round < 2; round++) {
        const client = open(target);
        client.send(connectPacket('c', { clean: false }));
        present.push((await client.next('connack')).sessionPresent);
        await client.disconnect();
      }
      return present;
    },
  },
  {
    name: '7: delivers a retained message with an empty topic level to a filter with + at that level [3.1.1 MQTT-3.3.1-6]',
    expected: ['x'],
    async run(target) {
      const client = await connect(target, 'c');
      await publishAcknowledged(client, 'a/', 'x', true);
      await client.subscribe(1, 'a/+', 0);
      await client.settle();
      return payloads(client);
    },
  },
  {
    name: '7: does not deliver a retained message of a $ topic to the filter # [3.1.1 MQTT-4.7.2-1]',
    expected: ['plain'],
    async run(target) {
      const client = await connect(target, 'c');
      await publishAcknowledged(client, '$other/x', 'hidden', true);
      await publishAcknowledged(client, 'x', 'plain', true);
      await client.subscribe(1, '#', 0);
      await client.settle();
      return payloads(client);
    },
  },
  {
    name: '7: does not queue a message of a $ topic for the filter # [3.1.1 MQTT-4.7.2-1]',
    expected: ['plain'],
    async run(target) {
      await offlineSession(target, ['#', 1]);
      const publisher = await connect(target, 'p');
      await publishAcknowledged(publisher, '$other/x', 'hidden');
      await publishAcknowledged(publisher, 'x', 'plain');
      return payloads(await resumeSession(target));
    },
  },
  {
    name: '8: retains the later message when a retained QoS 0 message immediately follows a retained QoS 1 message [3.1.1 MQTT-3.3.1-7]',
    expected: new Array(20).fill('newer'),
    async run(target) {
      const publisher = await connect(target, 'p');
      const packet = { cmd: 'publish' as const, retain: true, dup: false };
      for (let round = 0; round < 20; round++) {
        const topic = `a/${round}`;
        publisher.send(
          { ...packet, topic, payload: 'older', qos: 1, messageId: round + 1 },
          { ...packet, topic, payload: 'newer', qos: 0 },
        );
      }
      await publisher.settle();
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a/#', 0);
      await subscriber.settle();
      return payloads(subscriber);
    },
  },
  {
    name: '9: closes the connection for a PUBREC of a QoS 1 delivery [3.1.1 MQTT-4.8.0-1]',
    expected: 'closed',
    async run(target) {
      const client = await connect(target, 'c');
      await client.subscribe(1, 'a', 1);
      client.publish('a', 'x', { qos: 1, messageId: 1 });
      const { messageId = 0 } = await client.next('publish');
      client.send({ cmd: 'pubrec', messageId });
      return Promise.race([client.closed.then(() => 'closed'), client.next('pubrel').then(() => 'answered')]);
    },
  },
  {
    name: '10: returns one SUBACK code per filter, also for a repeated filter [3.1.1 MQTT-3.8.4-5]',
    expected: [0, 1, 2],
    async run(target) {
      const client = await connect(target, 'c');
      const subscriptions = ([0, 1, 2] as const).map((qos) => ({ topic: 'a', qos }));
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
      return (await client.next('suback')).granted;
    },
  },
];

const ourBrokers = [
  ['with a fake member', startBroker],
  ['with a member', startBrokerWithMember],
] as const;

describe.each(ourBrokers)('our broker %s', (_name, start) =>
  test.each(departures)('passes scenario $name', async ({ run, expected }) => {
    const target = await start();
    try {
      expect(await run(target)).toEqual(expected);
    } finally {
      await target.stop();
    }
  }),
);

test.each(departures)('unmodified Aedes fails scenario $name', async ({ run, expected }) => {
  const target = await startStockAedes();
  try {
    expect(await run(target)).not.toEqual(expected);
  } finally {
    await target.stop();
  }
});
