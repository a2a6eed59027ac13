/**
 * The known traps of Aedes: one driver for each, run against our broker and against stock Aedes, which
 * must be seen to fall into it (when it isn't any more, Aedes has mended it).
 */
import mqemitter from 'mqemitter';
import { Router } from '../src/aedes/emitter.ts';
import { connect, memoryPersistence as memory, ours, oursWithMember, stock } from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';

/** A target whose storing of messages can be stopped and let go on. */
interface Storing extends Target {
  holdStore(): void;
  releaseStore(): void;
}

async function oursStoring(start: typeof ours | typeof oursWithMember): Promise<Storing> {
  const target = await start();
  return { ...target, holdStore: () => target.port.hold(), releaseStore: () => target.port.release() };
}

async function stockStoring(): Promise<Storing> {
  let waiting: (() => void)[] | null = null;
  const persistence = memory();
  const store = persistence.outgoingEnqueueCombi.bind(persistence);
  persistence.outgoingEnqueueCombi = async (...parameters: Parameters<typeof store>) => {
    const held = waiting;
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    return store(...parameters);
  };
  const target = await stock({ persistence });
  return {
    ...target,
    holdStore: () => (waiting = []),
    releaseStore() {
      const held = waiting ?? [];
      waiting = null;
      for (const resolve of held) resolve();
    },
  };
}

/** Lets everything in memory go on for so many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

interface Trap {
  readonly name: string;
  readonly right: unknown;
  run(target: Storing): Promise<unknown>;
}

const payloads = (client: RawClient): string[] => client.publishes.map(({ payload }) => payload.toString());

const traps: Trap[] = [
  {
    name: '1: PUBACK leaves only when the message is stored',
    right: { early: 0, late: 1 },
    async run(target) {
      const publisher = await connect(target, 'p');
      target.holdStore();
      publisher.publish('a', 'x', { qos: 1, messageId: 1 });
      await publisher.settle();
      const early = publisher.packets.filter(({ cmd }) => cmd === 'puback').length;
      target.releaseStore();
      await publisher.settle();
      return { early, late: publisher.packets.filter(({ cmd }) => cmd === 'puback').length };
    },
  },
  {
    name: '2: a message that is stored later than its successor is not taken for a duplicate',
    right: ['first', 'second'],
    async run(target) {
      const subscriber = await connect(target, 's');
      await subscriber.subscribe(1, 'a/+', 1);
      const slow = await connect(target, 'slow');
      const fast = await connect(target, 'fast');
      target.holdStore();
      slow.publish('a/1', 'first', { qos: 1, messageId: 1 });
      await slow.settle();
      // QoS 0 needs no store in stock Aedes and gets a later number.
      fast.publish('a/2', 'second');
      await fast.settle();
      target.releaseStore();
      await slow.settle();
      await subscriber.settle();
      return payloads(subscriber).sort();
    },
  },
  {
    name: '3: each QoS 2 exchange ends with its own packet id',
    right: { released: ['a', 'b', 'c'], again: [] },
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
    name: '5: a subscriber that reads nothing stalls nobody',
    right: 'arrived',
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
    name: '6: no more messages are in flight than the client takes [MQTT-3.3.4-9]',
    right: 2,
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
    name: '6: a packet above the Maximum Packet Size of the client is not sent [MQTT-3.1.2-24]',
    right: ['a'],
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
    name: '9: session present tells of a session without subscriptions [MQTT-3.2.2-2]',
    right: true,
    async run(target) {
      const first = await connect(target, 'c', { clean: false });
      await first.disconnect();
      const again = await connect(target, 'c', { clean: false });
      const [connack] = again.packets;
      return connack?.cmd === 'connack' && connack.sessionPresent;
    },
  },
  {
    name: '10: DUP is set on resend [MQTT-3.3.1-1]',
    right: true,
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
    name: '11: a shared subscription gets each message in one of its members',
    right: { granted: [1], received: ['1', '2', '3', '4'] },
    async run(target) {
      const members = [await connect(target, 's1', { protocolVersion: 5 }), await connect(target, 's2')];
      const granted: unknown[] = [];
      for (const [index, member] of members.entries()) {
        member.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/a', qos: 1 }] });
        const suback = await member.next('suback');
        if (index === 0) granted.push(...suback.granted);
      }
      const publisher = await connect(target, 'p');
      for (let count = 1; count <= 4; count++)
        publisher.publish('a', String(count), { qos: 1, messageId: count });
      await publisher.settle();
      for (const member of members) await member.settle();
      return { granted, received: members.flatMap(payloads).sort() };
    },
  },
];

const oursBoth = [
  ['with the fake port', ours],
  ['with a member', oursWithMember],
] as const;

describe.each(oursBoth)('ours %s', (_name, start) =>
  test.each(traps)('$name', async ({ run, right }) => {
    const target = await oursStoring(start);
    try {
      expect(await run(target)).toEqual(right);
    } finally {
      await target.stop();
    }
  }),
);

test.each(traps)('stock Aedes falls into it: $name', async ({ run, right }) => {
  const target = await stockStoring();
  try {
    expect(await run(target)).not.toEqual(right);
  } finally {
    await target.stop();
  }
});

describe('4: a long backlog is worked off without recursion', () => {
  interface Emitter {
    on(topic: string, listener: (message: unknown, done: () => void) => void): unknown;
    emit(message: { topic: string }, callback?: () => void): unknown;
  }

  /** The first message is slow, and what waits behind it has no listener: its subscribers have left. */
  async function backlog(emitter: Emitter): Promise<void> {
    let release: () => void = () => undefined;
    emitter.on('slow', (_message, done) => (release = done));
    emitter.emit({ topic: 'slow' });
    for (let count = 0; count < 50_000; count++) emitter.emit({ topic: 'left' });
    const last = new Promise<void>((resolve) => emitter.emit({ topic: 'left' }, resolve));
    release();
    await last;
  }

  test('ours', async () => {
    await expect(backlog(new Router())).resolves.toBeUndefined();
  });

  test('stock Aedes falls into it', async () => {
    await expect(backlog(mqemitter({ concurrency: 1 }))).rejects.toThrow('Maximum call stack size exceeded');
  });
});

describe('7: the will of a client is published once', () => {
  test('ours: its end is told to the member once, which publishes it', async () => {
    const target = await ours();
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

  test('stock Aedes falls into it: every survivor publishes the will of a dead broker', async () => {
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
    // All survivors read the same store before the first of them has deleted the will.
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
      await stock({ persistence, mq, heartbeatInterval }),
      await stock({ persistence, mq, heartbeatInterval }),
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

describe('8: the old connection is gone before the new one has its CONNACK [MQTT-3.1.4-3]', () => {
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

  test('ours', async () => {
    const target = await ours();
    expect(await takeover(target, target)).toEqual(['old ended', 'new CONNACK']);
    await target.stop();
  });

  test('stock Aedes falls into it: the other broker is told after the registration', async () => {
    const persistence = memory();
    const mq = mqemitter({ matchEmptyLevels: true });
    // A bus between hosts takes its time; that of CONNACK does not wait for it.
    const emit = mq.emit.bind(mq);
    mq.emit = (message, callback) => {
      void turns(50).then(() => emit(message, callback));
    };
    const [one, other] = [await stock({ persistence, mq }), await stock({ persistence, mq })];
    expect(await takeover(one, other)).toEqual(['new CONNACK', 'old ended']);
    await Promise.all([one.stop(), other.stop()]);
  });
});
