import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus } from '@mqtt-cluster/contracts';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import type { FailoverClient } from '@mqtt-cluster/failover-client';
import { freePorts, host, until } from '@mqtt-cluster/testing';
import type { IConnectPacket } from 'mqtt-packet';
import { configSchema } from '../../src/config.ts';
import { Appliance } from '../../src/node/appliance.ts';
import { MetricsPage } from './metrics-page.ts';
import { RawClient } from './raw-client.ts';

interface Ports {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
}

type Settings = Readonly<Record<string, unknown>>;

/**
 * Appliances in this process, on free ports of the test's own loopback address, with their data below a
 * temporary directory. `close` stops everything that the test started and removes the directory.
 */
export class TestCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'appliances-'));
  /** Ids of the members that an operator requested to stop. */
  readonly stopRequests: string[] = [];
  readonly #settings: Settings;
  readonly #ports = new Map<string, Ports>();
  /** Ids in the `peers` setting of the next appliance. */
  #members: readonly string[] = [];
  readonly #running = new Map<string, Appliance>();
  readonly #created: Appliance[] = [];
  readonly #rawClients: RawClient[] = [];
  readonly #failoverClients: FailoverClient[] = [];

  private constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * Reserves ports for these members without starting the members. `settings` replace settings of the test
   * configuration.
   */
  static async create(ids: readonly string[], settings: Settings = {}): Promise<TestCluster> {
    const cluster = new TestCluster(settings);
    await cluster.setMembers(ids);
    return cluster;
  }

  /** Starts the members and returns the cluster when all of them serve. */
  static async start(ids: readonly string[], settings: Settings = {}): Promise<TestCluster> {
    const cluster = await TestCluster.create(ids, settings);
    try {
      await Promise.all(ids.map((id) => cluster.start(id)));
      await cluster.serving(...ids);
    } catch (error) {
      // The test has no reference to the cluster yet. Without this call, appliances that have started would run on
      // during the suites after this one.
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Changes the `peers` setting of appliances that start from now on. */
  async setMembers(ids: readonly string[]): Promise<void> {
    for (const id of ids) if (!this.#ports.has(id)) this.#ports.set(id, await reservePorts());
    this.#members = ids;
  }

  /** Creates an appliance of a member without starting it. By default a fatal error fails the test. */
  createAppliance(
    id: string,
    settings: Settings = {},
    onFatal = (error: unknown): void => {
      throw error;
    },
  ): Appliance {
    const created = new Appliance({
      config: configSchema.parse(this.#withSettings(id, settings)),
      logger: silentLogger,
      version: 'test',
      onFatal,
      onStopRequested: (): void => {
        this.stopRequests.push(id);
        void created.stop();
      },
    });
    this.#created.push(created);
    return created;
  }

  /**
   * Creates a second appliance with the id of a member, but with other ports and another data directory.
   */
  async createDuplicate(id: string): Promise<Appliance> {
    const { mqtt, http, cluster } = await reservePorts();
    const ports = { mqtt: { port: mqtt }, http: { port: http }, cluster: { port: cluster } };
    return this.createAppliance(id, { ...ports, data: join(this.directory, `duplicate-${id}`) });
  }

  async start(id: string, settings: Settings = {}, onFatal?: (error: unknown) => void): Promise<void> {
    const appliance = this.createAppliance(id, settings, onFatal);
    this.#running.set(id, appliance);
    await appliance.start();
  }

  /** Returns the running appliance of a member. */
  appliance(id: string): Appliance {
    return this.#running.get(id)!;
  }

  /** Makes the member read its files again, like SIGHUP. */
  async reload(id: string): Promise<void> {
    await this.#running.get(id)!.reload();
  }

  async stop(...ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#running.get(id)?.stop()));
  }

  async close(): Promise<void> {
    for (const client of this.#rawClients) client.destroy();
    await Promise.all(this.#failoverClients.map((client) => client.stop()));
    await Promise.all(this.#created.map((appliance) => appliance.stop()));
    rmSync(this.directory, { recursive: true });
  }

  portsOf(id: string): Ports {
    return this.#ports.get(id)!;
  }

  dataDirectory(id: string): string {
    return join(this.directory, id);
  }

  httpUrl(id: string): string {
    return `http://${host}:${this.portsOf(id).http}`;
  }

  mqttUrl(id: string): string {
    return `mqtt://${host}:${this.portsOf(id).mqtt}`;
  }

  get(id: string, path: string): Promise<Response> {
    return fetch(`${this.httpUrl(id)}${path}`);
  }

  async status(id: string): Promise<MemberStatus> {
    return (await (await this.get(id, '/status')).json()) as MemberStatus;
  }

  async metrics(id: string): Promise<MetricsPage> {
    return new MetricsPage(await (await this.get(id, '/metrics')).text());
  }

  /** Resolves when all these members serve. */
  async serving(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await until(async () => (await this.status(id)).state === 'serving');
  }

  /** Opens a connection without sending a packet. */
  async openConnection(id: string, protocolVersion: 4 | 5 = 4): Promise<RawClient> {
    const client = await RawClient.open(this.portsOf(id).mqtt, protocolVersion);
    this.#rawClients.push(client);
    return client;
  }

  /** Returns a client that has received its CONNACK. */
  async connect(id: string, clientId: string, packet: Partial<IConnectPacket> = {}): Promise<RawClient> {
    const client = await this.openConnection(id, packet.protocolVersion === 5 ? 5 : 4);
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

  /** Returns a connected failover client with a persistent session and the URL of this member. */
  async connectFailoverClient(
    id: string,
    clientId: string,
    options: Partial<Parameters<typeof createFailoverClient>[0]> = {},
  ): Promise<FailoverClient> {
    const servers = [{ id, url: this.mqttUrl(id) }];
    const client = createFailoverClient({
      clientId,
      servers,
      discover: false,
      session: 'persistent',
      ...options,
    });
    this.#failoverClients.push(client);
    await client.start();
    await client.connected();
    return client;
  }

  /** Returns the test configuration with other settings. A group such as `mqtt` keeps its settings that are not replaced. */
  #withSettings(id: string, settings: Settings): Settings {
    const config: Record<string, unknown> = { ...this.#configOf(id) };
    for (const [name, value] of Object.entries({ ...this.#settings, ...settings })) {
      const former = config[name];
      config[name] = isGroup(value) && isGroup(former) ? { ...former, ...value } : value;
    }
    return config;
  }

  #configOf(id: string): Settings {
    const { mqtt, http, cluster } = this.portsOf(id);
    return {
      id,
      host,
      mqtt: { port: mqtt, anonymous: true },
      http: { port: http },
      cluster: { port: cluster },
      lab: true,
      peers: this.#members.map((peer) => `${peer}=${host}:${this.portsOf(peer).cluster}`),
      urls: this.#members.map((peer) => `${peer}=${this.mqttUrl(peer)}`),
      data: this.dataDirectory(id),
      publisher: { rate: 0 },
    };
  }
}

function isGroup(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function reservePorts(): Promise<Ports> {
  const [mqtt, http, cluster] = await freePorts(3);
  return { mqtt: mqtt!, http: http!, cluster: cluster! };
}
