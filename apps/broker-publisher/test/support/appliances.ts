import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus } from '@mqtt-cluster/contracts';
import { host, until } from '@mqtt-cluster/testing';
import { generate, parser } from 'mqtt-packet';
import type { IConnectPacket, Packet } from 'mqtt-packet';
import { Appliance } from '../../src/node/appliance.ts';
import { schema } from '../../src/config.ts';
import { freePorts } from './ports.ts';
import type { Ports } from './ports.ts';

export { host, until } from '@mqtt-cluster/testing';

/** Appliances in this process, with disks that go with the test. */
export class Appliances {
  readonly #directory = mkdtempSync(join(tmpdir(), 'appliances-'));
  readonly #ports = new Map<string, Ports>();
  readonly #settings: object;
  readonly #running = new Map<string, Appliance>();
  readonly #clients: RawClient[] = [];

  private constructor(settings: object) {
    this.#settings = settings;
  }

  /** All serve. `settings` go over the test's configuration. */
  static async start(ids: readonly string[], settings: object = {}): Promise<Appliances> {
    const appliances = new Appliances(settings);
    for (const id of ids) appliances.#ports.set(id, await freePorts());
    try {
      await Promise.all(ids.map((id) => appliances.startOne(id)));
      await Promise.all(ids.map((id) => appliances.serving(id)));
    } catch (error) {
      // The test has no reference yet: appliances that did start would run on through the suites after it.
      await appliances.stop();
      throw error;
    }
    return appliances;
  }

  async startOne(id: string): Promise<void> {
    const own = this.#ports.get(id)!;
    const all = [...this.#ports];
    const config = schema.parse({
      id,
      host,
      mqtt: { port: own.mqtt },
      http: { port: own.http },
      cluster: { port: own.cluster },
      peers: all.map(([peer, { cluster }]) => `${peer}=${host}:${cluster}`),
      urls: all.map(([peer, { mqtt }]) => `${peer}=mqtt://${host}:${mqtt}`),
      data: join(this.#directory, id),
      publisher: { rate: 0 },
      ...this.#settings,
    });
    const appliance = new Appliance({
      config,
      logger: silentLogger,
      version: 'test',
      onFatal: (error) => {
        throw error;
      },
      onStopRequested: () => {},
    });
    this.#running.set(id, appliance);
    await appliance.start();
  }

  ports(id: string): Ports {
    return this.#ports.get(id)!;
  }

  async stopOne(id: string): Promise<void> {
    await this.#running.get(id)!.stop();
    this.#running.delete(id);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.cut();
    await Promise.all([...this.#running.values()].map((appliance) => appliance.stop()));
    rmSync(this.#directory, { recursive: true });
  }

  async serving(id: string): Promise<void> {
    await until(async () => (await this.status(id)).state === 'serving');
  }

  async status(id: string): Promise<MemberStatus> {
    return (await (await this.#get(id, '/status')).json()) as MemberStatus;
  }

  async metrics(id: string): Promise<Samples> {
    return new Samples(await (await this.#get(id, '/metrics')).text());
  }

  /** A connection; nothing is sent yet. */
  async open(id: string, protocolVersion: 4 | 5 = 4): Promise<RawClient> {
    const socket = connect(this.#ports.get(id)!.mqtt, host);
    await once(socket, 'connect');
    const client = new RawClient(socket, protocolVersion);
    this.#clients.push(client);
    return client;
  }

  /** A client that has its CONNACK. */
  async connect(id: string, clientId: string, packet: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = await this.open(id, packet.protocolVersion === 5 ? 5 : 4);
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId,
      keepalive: 0,
      ...packet,
    });
    await client.got('connack');
    return client;
  }

  #get(id: string, path: string): Promise<Response> {
    return fetch(`http://${host}:${this.#ports.get(id)!.http}${path}`);
  }
}

/** One MQTT connection that does what it is told, and remembers what it got. */
export class RawClient {
  readonly #socket: Socket;
  readonly #version: 4 | 5;
  readonly received: Packet[] = [];

  constructor(socket: Socket, version: 4 | 5) {
    this.#socket = socket;
    this.#version = version;
    const parse = parser({ protocolVersion: version });
    parse.on('packet', (packet: Packet) => this.received.push(packet));
    socket.on('data', (bytes: Buffer) => parse.parse(bytes));
    socket.on('error', () => undefined);
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  async got(cmd: Packet['cmd'], count = 1): Promise<void> {
    await until(() => this.received.filter((packet) => packet.cmd === cmd).length >= count);
  }

  async closed(): Promise<void> {
    await until(() => this.#socket.closed);
  }

  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<void> {
    const before = this.received.filter(({ cmd }) => cmd === 'suback').length;
    this.send({ cmd: 'subscribe', messageId: before + 1, subscriptions: [{ topic: filter, qos }] });
    await this.got('suback', before + 1);
  }

  publish(topic: string, payload: string, qos: 0 | 1 | 2, messageId?: number, retain = false): void {
    const packet = { cmd: 'publish', topic, payload, qos, retain, dup: false } as const;
    this.send(messageId === undefined ? packet : { ...packet, messageId });
  }

  /** Without a word. */
  cut(): void {
    this.#socket.destroy();
  }
}

/** A `/metrics` page, read. */
export class Samples {
  readonly text: string;
  readonly #values = new Map<string, number>();
  /** Metrics that have at least one value. */
  readonly names = new Set<string>();

  constructor(text: string) {
    this.text = text;
    const histograms = new Set([...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map((match) => match[1]));
    for (const [, name, labels = '', value] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? (\S+)$/gm)) {
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].filter(([, label]) => label !== 'member');
      const key = pairs.map(([pair]) => pair).sort();
      this.#values.set(`${name}{${key.join(',')}}`, Number(value));
      const base = name!.replace(/_(bucket|sum|count)$/, '');
      this.names.add(histograms.has(base) ? base : name!);
    }
  }

  /** Labels as `name="value"` in the alphabetical order of their names. NaN for what is not there. */
  value(name: string, labels = ''): number {
    return this.#values.get(`mqtt_cluster_${name}{${labels}}`) ?? NaN;
  }
}
