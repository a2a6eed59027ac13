import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Appliance, configSchema } from '@mqtt-cluster/broker-publisher/testing';
import { silentLogger } from '@mqtt-cluster/contracts';
import { freePorts, host, until } from '@mqtt-cluster/testing';
import { Client } from './client.ts';
import type { ConnectOptions, Level } from './client.ts';

interface Ports {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
}

interface MemberOptions {
  readonly id: string;
  readonly ports: Ports;
  /** The `peers` setting: the cluster listeners of all members. */
  readonly peers: readonly string[];
  readonly data: string;
}

let clientsNamed = 0;

/** Returns a name that no other test uses: for a client id, a topic or a will. */
export function unique(name: string): string {
  return `${name}${++clientsNamed}`;
}

/** Creates a member without starting it. */
export function createAppliance({ id, ports, peers, data }: MemberOptions): Appliance {
  return new Appliance({
    config: configSchema.parse({
      id,
      host,
      mqtt: { port: ports.mqtt, anonymous: true },
      http: { port: ports.http },
      cluster: { port: ports.cluster },
      lab: true,
      peers,
      data,
      publisher: { rate: 0 },
    }),
    logger: silentLogger,
    version: 'test',
    onFatal: (error: unknown): void => {
      throw error;
    },
    onStopRequested: () => undefined,
  });
}

/** Options of CONNECT for a session that outlives its connection: Clean Session or Clean Start 0. */
export function persistent(level: Level, sessionExpiryInterval = 60): ConnectOptions {
  return { clean: false, ...(level === 5 && { properties: { sessionExpiryInterval } }) };
}

/** Real members in this process, on free ports of loopback. The tests use only their MQTT listeners. */
export class Server {
  readonly #directory = mkdtempSync(join(tmpdir(), 'conformance-'));
  readonly #ports: readonly Ports[];
  readonly #appliances: Appliance[] = [];
  readonly #clients: Client[] = [];

  private constructor(ports: readonly Ports[]) {
    this.#ports = ports;
  }

  /** Starts the members and resolves when all of them serve. */
  static async start(members = 1): Promise<Server> {
    const ports: Ports[] = [];
    for (let index = 0; index < members; index++) {
      const [mqtt, http, cluster] = await freePorts(3);
      ports.push({ mqtt: mqtt!, http: http!, cluster: cluster! });
    }
    const server = new Server(ports);
    try {
      await Promise.all(ports.map((_, index) => server.#startMember(index)));
      for (const { http } of ports) await until(() => isServing(http));
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async #startMember(index: number): Promise<void> {
    const appliance = createAppliance({
      id: `m${index}`,
      ports: this.#ports[index]!,
      peers: this.#ports.map((peer, peerIndex) => `m${peerIndex}=${host}:${peer.cluster}`),
      data: join(this.#directory, String(index)),
    });
    this.#appliances.push(appliance);
    await appliance.start();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.drop();
    await Promise.all(this.#appliances.map((appliance) => appliance.stop()));
    rmSync(this.#directory, { recursive: true });
  }

  /** Opens a connection without sending a packet. */
  async open(level: Level, { member = 0, manual = false } = {}): Promise<Client> {
    const client = await Client.open(this.#ports[member]!.mqtt, level, manual);
    this.#clients.push(client);
    return client;
  }

  /** Opens a connection, sends CONNECT and waits for CONNACK. */
  async connect(level: Level, options: ConnectOptions & { member?: number } = {}): Promise<Client> {
    const { member, manual, ...connect } = options;
    const client = await this.open(level, {
      ...(member !== undefined && { member }),
      ...(manual !== undefined && { manual }),
    });
    await client.connect({ clientId: unique('client'), ...connect });
    return client;
  }

  /** Changes settings of the cluster over HTTP, and waits until they are in force. */
  async changeSettings(settings: Readonly<Record<string, unknown>>): Promise<void> {
    const response = await fetch(`http://${host}:${this.#ports[0]!.http}/admin/settings`, {
      method: 'POST',
      body: JSON.stringify(settings),
    });
    if (!response.ok) throw new Error(`settings refused: ${response.status} ${await response.text()}`);
  }
}

async function isServing(port: number): Promise<boolean> {
  try {
    const status = (await (await fetch(`http://${host}:${port}/status`)).json()) as { state?: unknown };
    return status.state === 'serving';
  } catch {
    return false;
  }
}

/** Starts members before the tests of a file and stops them afterwards. */
export function useServer(members = 1): { readonly current: Server } {
  let server: Server | null = null;
  beforeAll(async () => {
    server = await Server.start(members);
  });
  afterAll(() => server?.stop());
  return {
    get current(): Server {
      if (!server) throw new Error('the server is not running');
      return server;
    },
  };
}
