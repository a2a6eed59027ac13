import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TelemetryPayload } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { AedesPublishPacket } from 'aedes';
import { createPublisher } from '../src/index.ts';
import type { Publisher, PublisherOptions } from '../src/index.ts';

type RecordedPacket = Pick<AedesPublishPacket, 'topic' | 'payload' | 'retain' | 'qos'>;

interface RetainedStore {
  storeRetained: (packet: RecordedPacket) => Promise<void>;
}

/** An Aedes broker that records what it receives. The tests need only retained messages, wills and takeover. */
class Broker {
  readonly #sockets = new Set<Socket>();
  readonly published: { topic: string; payload: string; retain: boolean; qos: number }[] = [];
  #aedes: Aedes | null = null;
  #server: Server | null = null;
  #waiters: { condition: () => boolean; resolve: () => void }[] = [];
  url = '';

  async start(): Promise<this> {
    const aedes = await Aedes.createBroker();
    this.#aedes = aedes;
    const record = ({ topic, payload, retain, qos }: RecordedPacket): void => {
      if (topic.startsWith('$SYS')) return;
      this.published.push({ topic, payload: payload.toString(), retain, qos });
      this.#notify();
    };
    // A retained message is recorded when it is stored, because the next active publisher reads the stored message. If the
    // connection is cut then, Aedes sometimes stores a message without emitting `publish`.
    const { persistence } = aedes as unknown as { persistence: RetainedStore };
    const storeRetained = persistence.storeRetained.bind(persistence);
    persistence.storeRetained = (packet): Promise<void> => {
      record(packet);
      return storeRetained(packet);
    };
    aedes.on('publish', (packet: AedesPublishPacket) => {
      if (!packet.retain) record(packet);
    });
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    this.url = `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
    await new Promise<void>((resolve) => this.#aedes?.close(() => resolve()));
  }

  /** Closes all connections, like a short network failure. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  get clients(): string[] {
    return Object.keys((this.#aedes as unknown as { clients: Record<string, unknown> }).clients);
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ condition, resolve });
      this.#notify();
    });
  }

  numbers(stream: string): number[] {
    return this.#telemetry(stream).map(({ number }) => number);
  }

  runs(stream: string): string[] {
    return [...new Set(this.#telemetry(stream).map(({ run }) => run))];
  }

  states(group: string): unknown[] {
    return this.published
      .filter(({ topic }) => topic === `groups/${group}/state`)
      .map(({ payload }) => (JSON.parse(payload) as { active: unknown }).active);
  }

  #telemetry(stream: string): TelemetryPayload[] {
    return this.published
      .filter(({ topic }) => topic === `telemetry/${stream}`)
      .map(({ payload }) => JSON.parse(payload) as TelemetryPayload);
  }

  #notify(): void {
    const resolved = this.#waiters.filter(({ condition }) => condition());
    this.#waiters = this.#waiters.filter((waiter) => !resolved.includes(waiter));
    for (const { resolve } of resolved) resolve();
  }
}

const running: Publisher[] = [];
let broker: Broker;

beforeEach(async () => {
  broker = await new Broker().start();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((publisher) => publisher.stop()));
  await broker.stop();
});

async function publisher(options: Partial<PublisherOptions> = {}): Promise<Publisher> {
  const made = createPublisher({
    memberId: 'a',
    servers: [{ url: broker.url }],
    ratePerSecond: 100,
    connection: {
      discover: false,
      timings: { retryDelayMsMin: 5, retryDelayMsMax: 20, stopDrainMsMax: 500 },
    },
    timings: {
      retainedWaitMsMax: 60,
      takeoverDelayMsMin: 5,
      takeoverDelayMsMax: 300,
      refusedRetryDelayMs: 5,
    },
    ...options,
  });
  running.push(made);
  await made.start();
  return made;
}

function consecutive(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test('a publisher numbers messages from 1 on all QoS levels, retains QoS 1 and 2 messages, and publishes its name as the state of the group', async () => {
  const one = await publisher();
  await broker.until(() =>
    [0, 1, 2].every((qos) => broker.numbers(`host-a/temperature/qos${qos}`).length >= 3),
  );
  for (const qos of [0, 1, 2]) {
    const numbers = broker.numbers(`host-a/temperature/qos${qos}`);
    expect(numbers).toEqual(consecutive(1, numbers.length));
  }
  const telemetry = broker.published.filter(({ topic }) => topic.startsWith('telemetry/'));
  expect(telemetry.every(({ qos, retain }) => retain === qos > 0)).toBe(true);
  expect(broker.states('host-a')).toEqual([one.status().instance]);
});

test('a restarted publisher continues the runs and numbers of the retained QoS 1 and 2 messages, and starts a new run for QoS 0', async () => {
  const first = await publisher();
  await broker.until(() => broker.numbers('host-a/temperature/qos2').length >= 3);
  await first.stop();
  expect(broker.states('host-a').at(-1)).toBeNull();
  const before = broker.numbers('host-a/temperature/qos2').length;
  await publisher();
  await broker.until(() => broker.numbers('host-a/temperature/qos2').length >= before + 3);
  for (const qos of [1, 2]) {
    const numbers = broker.numbers(`host-a/temperature/qos${qos}`);
    expect(numbers).toEqual(consecutive(1, numbers.length));
    expect(broker.runs(`host-a/temperature/qos${qos}`)).toHaveLength(1);
  }
  expect(broker.runs('host-a/temperature/qos0')).toHaveLength(2);
  const { sent, acked } = first.status().groups[0] ?? { sent: [], acked: [] };
  expect(acked.slice(1)).toEqual(sent.slice(1));
});

test('the only publisher of a group continues its numbers and publishes its state again after a lost connection', async () => {
  const one = await publisher();
  await broker.until(() => broker.numbers('host-a/temperature/qos2').length >= 3);
  broker.cut();
  const { instance } = one.status();
  await broker.until(() => broker.states('host-a').filter((active) => active === instance).length === 2);
  const before = broker.numbers('host-a/temperature/qos2').length;
  await broker.until(() => broker.numbers('host-a/temperature/qos2').length >= before + 3);
  const numbers = [...new Set(broker.numbers('host-a/temperature/qos2'))];
  expect(numbers).toEqual(consecutive(1, numbers.length));
  expect(one.status().groups[0]?.tenures).toBe(1);
});

test('one publisher of a shared group is active, and when it stops another one continues its numbers', async () => {
  const all = [await publisher({ memberId: 'a', sharedGroup: 'site' })];
  await broker.until(() => broker.numbers('site/temperature/qos1').length >= 3);
  all.push(await publisher({ memberId: 'b', sharedGroup: 'site' }));
  all.push(await publisher({ memberId: 'c', sharedGroup: 'site' }));
  const roles = (): string[] => all.map((each) => each.status().groups[1]?.role ?? '');
  await broker.until(() => roles().filter((role) => role === 'standby').length === 2);
  expect(roles()).toEqual(['active', 'standby', 'standby']);
  await all[0]?.stop();
  const before = broker.numbers('site/temperature/qos2').length;
  await broker.until(() => broker.numbers('site/temperature/qos2').length >= before + 3);
  for (const qos of [1, 2]) {
    const numbers = broker.numbers(`site/temperature/qos${qos}`);
    expect(numbers).toEqual(consecutive(1, numbers.length));
    expect(broker.runs(`site/temperature/qos${qos}`)).toHaveLength(1);
  }
});

test('after a lost connection the next active publisher of a shared group continues without gap or repetition', async () => {
  const all = [
    await publisher({ memberId: 'a', sharedGroup: 'site' }),
    await publisher({ memberId: 'b', sharedGroup: 'site' }),
  ];
  await broker.until(() => broker.numbers('site/temperature/qos2').length >= 3);
  for (let cuts = 0; cuts < 3; cuts += 1) {
    broker.cut();
    const before = broker.numbers('site/temperature/qos2').length;
    await broker.until(() => broker.numbers('site/temperature/qos2').length >= before + 3);
  }
  const numbers = broker.numbers('site/temperature/qos2');
  expect(numbers).toEqual(consecutive(1, numbers.length));
  const tenures = all.reduce((sum, each) => sum + (each.status().groups[1]?.tenures ?? 0), 0);
  expect(tenures).toBeGreaterThanOrEqual(4);
});

test('createPublisher rejects a member id that is not exactly one topic level', () => {
  expect(() => createPublisher({ memberId: 'a/b', servers: [{ url: broker.url }] })).toThrow('topic level');
});
