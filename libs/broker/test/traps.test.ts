/**
 * Known faults of Aedes that lose or duplicate messages. Each scenario runs against our broker, which must
 * pass, and against unmodified Aedes, which must fail. When unmodified Aedes passes, a new version has fixed
 * the fault.
 */
import mqemitter from 'mqemitter';
import { BoundedEmitter } from '../src/aedes/bounded-emitter.ts';
import {
  connect,
  memoryPersistence as memory,
  startBroker,
  startBrokerWithMember,
  startStockAedes,
} from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';

/** A target with a message store that a test can suspend and resume. */
interface SuspendableTarget extends Target {
  suspendStore(): void;
  resumeStore(): void;
}

async function startSuspendableBroker(
  start: typeof startBroker | typeof startBrokerWithMember,
): Promise<SuspendableTarget> {
  const target = await start();
  return { ...target, suspendStore: () => target.port.suspend(), resumeStore: () => target.port.resume() };
}

async function startSuspendableStockAedes(): Promise<SuspendableTarget> {
  let waiting: (() => void)[] | null = null;
  const persistence = memory();
  const store = persistence.outgoingEnqueueCombi.bind(persistence);
  persistence.outgoingEnqueueCombi = async (...parameters: Parameters<typeof store>) => {
    const held = waiting;
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    return store(...parameters);
  };
  const target = await startStockAedes({ persistence });
  return {
    ...target,
    suspendStore: () => (waiting = []),
    resumeStore() {
      const held = waiting ?? [];
      waiting = null;
      for (const resolve of held) resolve();
    },
  };
}

/** Waits for this many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Trap {
  readonly name: string;
  readonly expected: unknown;
  run(target: SuspendableTarget): Promise<unknown>;
}

const payloads = (client: RawClient): string[] => client.publishes.map(({ payload }) => payload.toString());

const traps: Trap[] = [
  {
    name: '1: sends PUBACK only after the message is stored',
    expected: { early: 0, late: 1 },
    async run(target) {
      const publisher = await connect(target, 'p');
      target.suspendStore();
      publisher.publish('a', 'x', { qos: 1, messageId: 1 });
      await publisher.settle();
      const early = publisher.packets.filter(({ cmd }) => cmd === 'puback').length;
      target.resumeStore();
      await publisher.settle();
      return { early, late: publisher.packets.filter(({ cmd }) => cmd === 'puback').length };
    },
  },
  {
    name: '2: delivers a message even if a later message is stored first',
    expected: ['first', 'second'],
    async run(target) {
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a/+', 1);
      const slow = await connect(target, 'slow');
      const fast = await connect(target, 'fast');
      target.suspendStore();
      slow.publish('a/1', 'first', { qos: 1, messageId: 1 });
      await slow.settle();
      // Unmodified Aedes does not store a QoS 0 message, so Aedes delivers the second message
      // first, although the number of the second message is higher.
      fast.publish('a/2', 'second');
      await fast.settle();
      target.resumeStore();
      await slow.settle();
      await subscriber.settle();
      return payloads(subscriber).sort();
    },
  },
  {
    name: '3: completes each QoS 2 exchange with its own packet identifier',
    expected: { released: ['a', 'b', 'c'], again: [] },
    async run(target) {
      const client = await connect(target, 'c', { clean: false });
      await client.subscribe(1, '+', 2);
      const publisher = await connect(target, 'p');
      for (const [index, topic] of ['a', 'b', 'c'].entries()) {
        publisher.publish(topic, topic, { qos: 2, messageId: index + 1 });
      }
      const received = [
        await client.next('publish'),
        await client.next('publish'),
        await client.next('publish'),
      ];
      for (const { messageId = 0 } of received) client.send({ cmd: 'pubrec', messageId });
      const released: string[] = [];
      for (const { topic, messageId } of received) {
        await client.next('pubrel', (packet) => packet.messageId === messageId);
        released.push(topic);
      }
      client.drop();
      await client.closed;
      const resumed = await connect(target, 'c', { clean: false });
      for (const { messageId = 0 } of received) resumed.send({ cmd: 'pubcomp', messageId });
      await resumed.settle();
      return { released: released.sort(), again: payloads(resumed) };
    },
  },
  {
    name: '5: delivers messages to other subscribers while one subscriber does not read its socket',
    expected: 'arrived',
    async run(target) {
      const stalled = await connect(target, 'stalled');
      await stalled.subscribe(1, 'big', 0);
      stalled.stream.pause();
      const other = await connect(target, 'other');
      await other.subscribe(1, 'small', 0);
      const publisher = await connect(target, 'p');
      for (let count = 0; count < 150; count++) publisher.publish('big', 'x'.repeat(50_000));
      publisher.publish('small', 'x');
      await turns(1_000);
      return other.publishes.length > 0 ? 'arrived' : 'missing';
    },
  },
  {
    name: "6: has no more unacknowledged messages in flight than the client's Receive Maximum [5.0 MQTT-3.3.4-9]",
    expected: 2,
    async run(target) {
      const subscriber = await connect(target, 's', {
        protocolVersion: 5,
        properties: { receiveMaximum: 2 },
      });
      await subscriber.subscribe(1, 'a', 1);
      const publisher = await connect(target, 'p');
      for (let count = 1; count <= 5; count++)
        publisher.publish('a', String(count), { qos: 1, messageId: count });
      await publisher.settle();
      await subscriber.settle();
      return subscriber.publishes.length;
    },
  },
  {
    name: "6: does not send a packet that is larger than the client's Maximum Packet Size [5.0 MQTT-3.1.2-24] [5.0 MQTT-3.1.2-25]",
    expected: ['a'],
    async run(target) {
      const properties = { maximumPacketSize: 50 };
      const subscriber = await connect(target, 's', { protocolVersion: 5, properties });
      await subscriber.subscribe(1, '+', 1);
      const publisher = await connect(target, 'p');
      publisher.publish('b', 'x'.repeat(100), { qos: 1, messageId: 1 });
      publisher.publish('a', 'x', { qos: 1, messageId: 2 });
      await publisher.settle();
      await subscriber.settle();
      return subscriber.publishes.map(({ topic }) => topic);
    },
  },
  {
    name: '9: reports Session Present for a session without subscriptions [3.1.1 MQTT-3.2.2-2]',
    expected: true,
    async run(target) {
      const first = await connect(target, 'c', { clean: false });
      await first.disconnect();
      const again = await connect(target, 'c', { clean: false });
      const [connack] = again.packets;
      return connack?.cmd === 'connack' && connack.sessionPresent;
    },
  },
  {
    name: '10: redelivers an unacknowledged message with DUP=1 after a reconnect [3.1.1 MQTT-3.3.1-1]',
    expected: true,
    async run(target) {
      const client = await connect(target, 'c', { clean: false });
      await client.subscribe(1, 'a', 2);
      client.publish('a', 'x', { qos: 2, messageId: 1 });
      await client.next('publish');
      client.drop();
      await client.closed;
      const resumed = await connect(target, 'c', { clean: false });
      return (await resumed.next('publish')).dup;
    },
  },
  {
    name: '11: delivers each message to one client of a shared subscription',
    expected: { granted: [1], received: ['1', '2', '3', '4'] },
    async run(target) {
      const group = [await connect(target, 's1', { protocolVersion: 5 }), await connect(target, 's2')];
      const granted: unknown[] = [];
      for (const [index, client] of group.entries()) {
        client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/a', qos: 1 }] });
        const suback = await client.next('suback');
        if (index === 0) granted.push(...suback.granted);
      }
      const publisher = await connect(target, 'p');
      for (let count = 1; count <= 4; count++)
        publisher.publish('a', String(count), { qos: 1, messageId: count });
      await publisher.settle();
      for (const client of group) await client.settle();
      return { granted, received: group.flatMap(payloads).sort() };
    },
  },
];

const ourBrokers = [
  ['with a fake member', startBroker],
  ['with a member', startBrokerWithMember],
] as const;

describe.each(ourBrokers)('our broker %s', (_name, start) =>
  test.each(traps)('passes scenario $name', async ({ run, expected }) => {
    const target = await startSuspendableBroker(start);
    try {
      expect(await run(target)).toEqual(expected);
    } finally {
      await target.stop();
    }
  }),
);

test.each(traps)('unmodified Aedes fails scenario $name', async ({ run, expected }) => {
  const target = await startSuspendableStockAedes();
  try {
    expect(await run(target)).not.toEqual(expected);
  } finally {
    await target.stop();
  }
});

describe('scenario 4, a long backlog of messages:', () => {
  interface Emitter {
    on(topic: string, listener: (message: unknown, done: () => void) => void): unknown;
    emit(message: { topic: string }, callback?: () => void): unknown;
  }

  /**
   * The first message has a slow listener. The messages behind the first message have no listener, because
   * their subscribers left.
   */
  async function backlog(emitter: Emitter): Promise<void> {
    let release: () => void = () => undefined;
    emitter.on('slow', (_message, done) => (release = done));
    emitter.emit({ topic: 'slow' });
    for (let count = 0; count < 50_000; count++) emitter.emit({ topic: 'left' });
    const last = new Promise<void>((resolve) => emitter.emit({ topic: 'left' }, resolve));
    release();
    await last;
  }

  test('our emitter delivers the backlog without recursion', async () => {
    await expect(backlog(new BoundedEmitter())).resolves.toBeUndefined();
  });

  test('the unmodified mqemitter overflows the call stack', async () => {
    await expect(backlog(mqemitter({ concurrency: 1 }))).rejects.toThrow('Maximum call stack size exceeded');
  });
});

describe('scenario 7, the will of a client that fails:', () => {
  test('our broker reports the end of the connection to the member once, and the will is published once', async () => {
    const target = await startBroker();
    const subscriber = await connect(target, 's');
    await subscriber.subscribe(1, 'will', 0);
    const client = await connect(target, 'c', {
      will: { topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false },
    });
    client.drop();
    await subscriber.next('publish');
    await subscriber.settle();
    expect(payloads(subscriber)).toEqual(['gone']);
    expect(target.port.disconnects).toMatchObject([{ graceful: false }]);
    await target.stop();
  });

  test('with unmodified Aedes, every surviving broker publishes the will of a client of a dead broker', async () => {
    const persistence = memory();
    const mq = mqemitter({ matchEmptyLevels: true });
    const wills: string[] = [];
    const twice = new Promise<void>((resolve) => {
      mq.on('will', (message, done) => {
        wills.push(String(message['brokerId']));
        if (wills.length === 2) resolve();
        done();
      });
    });
    // All survivors read the same store before the first survivor deletes the will.
    let sweeps = 0;
    const release: (() => void)[] = [];
    const remove = persistence.delWill.bind(persistence);
    persistence.delWill = async (client: Parameters<typeof remove>[0]) => {
      sweeps++;
      await new Promise<void>((resolve) => {
        release.push(resolve);
        if (sweeps === 2) for (const each of release) each();
      });
      return remove(client);
    };
    const heartbeatInterval = 5;
    const survivors = [
      await startStockAedes({ persistence, mq, heartbeatInterval }),
      await startStockAedes({ persistence, mq, heartbeatInterval }),
    ];
    const will = { cmd: 'publish', topic: 'will', payload: Buffer.from('gone'), qos: 0, retain: false };
    persistence.broker.id = 'dead';
    await persistence.putWill({ id: 'c', brokerId: 'dead' }, will);
    await twice;
    expect(wills).toHaveLength(2);
    for (const survivor of survivors) survivor.aedes.removeAllListeners();
    await Promise.all(survivors.map((survivor) => survivor.stop()));
  });
});

describe('scenario 8, a second connection with the same client identifier [3.1.1 MQTT-3.1.4-2]:', () => {
  async function takeover(at: Target, elsewhere: Target): Promise<string[]> {
    const order: string[] = [];
    const old = await connect(at, 'c');
    const ended = new Promise<void>((resolve) => {
      old.stream.on('end', () => {
        order.push('old ended');
        resolve();
      });
    });
    await connect(elsewhere, 'c');
    order.push('new CONNACK');
    await ended;
    return order;
  }

  test('our broker closes the old connection before it sends CONNACK on the new connection', async () => {
    const target = await startBroker();
    expect(await takeover(target, target)).toEqual(['old ended', 'new CONNACK']);
    await target.stop();
  });

  test('unmodified Aedes sends CONNACK before it closes the old connection, which is on another broker', async () => {
    const persistence = memory();
    const mq = mqemitter({ matchEmptyLevels: true });
    // A bus between hosts has a latency, and CONNACK does not wait for the bus.
    const emit = mq.emit.bind(mq);
    mq.emit = (message, callback) => {
      void turns(50).then(() => emit(message, callback));
    };
    const [one, other] = [
      await startStockAedes({ persistence, mq }),
      await startStockAedes({ persistence, mq }),
    ];
    expect(await takeover(one, other)).toEqual(['new CONNACK', 'old ended']);
    await Promise.all([one.stop(), other.stop()]);
  });
});
