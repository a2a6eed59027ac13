import { Duplex } from 'node:stream';
import type { ClientPort } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import memory from 'aedes-persistence';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { createBroker } from '../../src/index.ts';
import type { Broker, BrokerOptions } from '../../src/index.ts';
import { FakeClientPort } from './fake-client-port.ts';
import { MemberClientPort } from './member-client-port.ts';
import { within } from '@mqtt-cluster/testing';

class PairedStream extends Duplex {
  peer: PairedStream | null = null;
  #waiting: (() => void) | null = null;

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#deliver(chunk, callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    this.#deliver(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  /** Delivers the chunk like a network: in a later turn of the event loop, in one piece. */
  #deliver(chunk: Buffer, callback: () => void): void {
    setImmediate(() => {
      const { peer } = this;
      if (!peer || peer.destroyed || peer.readableEnded) return callback();
      if (peer.push(chunk)) callback();
      else peer.#waiting = callback;
    });
  }

  override _final(callback: () => void): void {
    setImmediate(() => {
      this.peer?.push(null);
      callback();
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    setImmediate(() => {
      const { peer } = this;
      if (peer && !peer.readableEnded) peer.push(null);
      callback(error);
    });
  }
}

/** Returns the two ends of a connection in memory. */
export function streamPair(): [Duplex, Duplex] {
  const one = new PairedStream({ allowHalfOpen: false });
  const other = new PairedStream({ allowHalfOpen: false });
  one.peer = other;
  other.peer = one;
  return [one, other];
}

export type ReceivedPublish = IPublishPacket & { messageId?: number };

type Wanted = (packet: Packet) => boolean;

/** A client that sends only the packets that the test specifies. */
export class RawClient {
  readonly stream: Duplex;
  readonly packets: Packet[] = [];
  isClosed = false;
  readonly #waiting: { wanted: Wanted; resolve: (packet: Packet) => void; reject: (error: Error) => void }[] =
    [];
  readonly version: 3 | 4 | 5;
  readonly #closed: Promise<void>;
  #taken = new Set<Packet>();

  constructor(stream: Duplex, version: 3 | 4 | 5 = 4) {
    this.stream = stream;
    this.version = version;
    const packets = parser({ protocolVersion: version });
    packets.on('packet', (packet: Packet) => this.#onPacket(packet));
    stream.on('data', (chunk: Buffer) => packets.parse(chunk));
    stream.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      stream.on('close', () => {
        this.isClosed = true;
        for (const { reject } of this.#waiting) reject(new Error('the server closed the connection'));
        resolve();
      });
    });
  }

  /** Resolves when the server has closed the connection. */
  get closed(): Promise<void> {
    return within(this.#closed, () => `the end of the connection; ${this.#history}`);
  }

  get #history(): string {
    return `received: ${this.packets.map(({ cmd }) => cmd).join(', ') || 'nothing'}`;
  }

  #onPacket(packet: Packet): void {
    this.packets.push(packet);
    const index = this.#waiting.findIndex(({ wanted }) => wanted(packet));
    if (index < 0) return;
    this.#taken.add(packet);
    this.#waiting.splice(index, 1)[0]?.resolve(packet);
  }

  /** Sends the packets in one segment. */
  send(...packets: Packet[]): void {
    this.sendBytes(...packets.map((packet) => generate(packet, { protocolVersion: this.version })));
  }

  sendBytes(...bytes: (Buffer | readonly number[])[]): void {
    this.stream.write(Buffer.concat(bytes.map((each) => Buffer.from(each))));
  }

  /** Returns the next packet of this type that no earlier call returned. */
  async next<Cmd extends Packet['cmd']>(
    cmd: Cmd,
    which: Wanted = () => true,
  ): Promise<Extract<Packet, { cmd: Cmd }>> {
    const wanted: Wanted = (packet) => packet.cmd === cmd && which(packet);
    let found = this.packets.find((packet) => !this.#taken.has(packet) && wanted(packet));
    if (found) this.#taken.add(found);
    else if (this.isClosed) throw new Error('the server closed the connection');
    else {
      const promise = new Promise<Packet>((resolve, reject) =>
        this.#waiting.push({ wanted, resolve, reject }),
      );
      found = await within(promise, () => `${cmd}; ${this.#history}`);
    }
    return found as Extract<Packet, { cmd: Cmd }>;
  }

  /** All publishes received so far. */
  get publishes(): ReceivedPublish[] {
    return this.packets.filter((packet): packet is ReceivedPublish => packet.cmd === 'publish');
  }

  /**
   * Makes PINGREQ round trips. When the promise resolves, all packets that the server sent before PINGRESP
   * have arrived.
   */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      this.send({ cmd: 'pingreq' });
      await this.next('pingresp');
    }
  }

  async subscribe(messageId: number, topic: string, qos: 0 | 1 | 2): Promise<void> {
    this.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos }] });
    await this.next('suback');
  }

  publish(topic: string, payload: string, options: Partial<IPublishPacket> = {}): void {
    this.send({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false, ...options });
  }

  drop(): void {
    this.stream.destroy();
  }

  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' });
    await this.closed;
  }
}

/** A broker under test: our broker, or unmodified Aedes with its own emitter and persistence. */
export interface Target {
  readonly name: string;
  stream(): Duplex;
  stop(): Promise<void>;
}

export interface BrokerTarget extends Target {
  readonly broker: Broker;
  /** Opens a connection from this address as a listener does: the broker may refuse it. */
  stream(address?: string): Duplex;
  readonly port: FakeClientPort;
}

/** The brokers that the current test has started. A failed test does not reach the end of its own code. */
const started: Target[] = [];

afterEach(async () => {
  for (const target of started.splice(0)) await target.stop();
});

/** Makes `stop` callable twice, and calls it after the current test. */
function stoppedAfterTest<Started extends Target>(target: Started): Started {
  let stopped: Promise<void> | null = null;
  const result = { ...target, stop: () => (stopped ??= target.stop()) };
  started.push(result);
  return result;
}

export async function startBroker(options: Partial<BrokerOptions> = {}): Promise<BrokerTarget> {
  const port = new FakeClientPort();
  const broker = createBroker({
    memberId: 'member-1',
    port: options.port ?? (port as ClientPort),
    listeners: [],
    logger: silentLogger,
    ...options,
  });
  await broker.start();
  return stoppedAfterTest({
    name: 'our broker',
    broker,
    port,
    stream(address?: string) {
      const [client, server] = streamPair();
      if (address !== undefined && !broker.admit(address)) server.destroy();
      else broker.handle(server, { address: address ?? '127.0.0.1' });
      return client;
    },
    stop: () => broker.stop(),
  });
}

/** Starts our broker with a real member instead of {@link FakeClientPort}. */
export async function startBrokerWithMember(
  options: Partial<BrokerOptions> = {},
): Promise<Omit<BrokerTarget, 'port'> & { readonly port: MemberClientPort }> {
  const port = new MemberClientPort();
  port.start();
  const target = await startBroker({ ...options, port });
  return stoppedAfterTest({
    ...target,
    name: 'our broker with a member',
    port,
    stop: async () => {
      await target.stop();
      port.stop();
    },
  });
}

/**
 * The in-memory store of unmodified Aedes. The types of its npm package describe an older interface with
 * callbacks, so this interface replaces them.
 */
export interface MemoryPersistence {
  broker: { id: string };
  outgoingEnqueueCombi(subscriptions: readonly unknown[], packet: unknown): Promise<void>;
  putWill(client: object, packet: object): Promise<unknown>;
  delWill(client: object): Promise<unknown>;
}

export function memoryPersistence(): MemoryPersistence {
  return (memory as unknown as () => MemoryPersistence)();
}

export async function startStockAedes(
  options: Record<string, unknown> = {},
): Promise<Target & { readonly aedes: Aedes }> {
  const aedes = new Aedes(options);
  await aedes.listen();
  aedes.on('clientError', () => undefined);
  aedes.on('connectionError', () => undefined);
  return stoppedAfterTest({
    name: 'stock Aedes',
    aedes,
    stream() {
      const [client, server] = streamPair();
      aedes.handle(server);
      return client;
    },
    stop: () => new Promise((resolve) => aedes.close(() => resolve())),
  });
}

/** Connects and waits for CONNACK. */
export async function connect(
  target: Target,
  clientId: string,
  options: Partial<IConnectPacket> = {},
): Promise<RawClient> {
  const client = open(target, options.protocolVersion ?? 4);
  client.send(connectPacket(clientId, options));
  await client.next('connack');
  return client;
}

export function open(target: Target, version: 3 | 4 | 5 = 4): RawClient {
  return new RawClient(target.stream(), version);
}

export function connectPacket(clientId: string, options: Partial<IConnectPacket> = {}): IConnectPacket {
  const protocolVersion = options.protocolVersion ?? 4;
  return {
    cmd: 'connect',
    protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion,
    clientId,
    clean: true,
    keepalive: 0,
    ...options,
  };
}
