import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus } from '@mqtt-cluster/contracts';
import { host, until } from '@mqtt-cluster/testing';
import { Appliance } from '../../src/node/appliance.ts';
import { schema } from '../../src/config.ts';
import type { ApplianceConfig } from '../../src/config.ts';
import type { Ports } from './ports.ts';

export { host, until } from '@mqtt-cluster/testing';
export { freePorts } from './ports.ts';
export type { Ports } from './ports.ts';

/** Appliances in this process, on free ports of loopback and with data below one directory. */
export class Appliances {
  readonly ports: Readonly<Record<string, Ports>>;
  readonly running = new Map<string, Appliance>();
  readonly stopsRequested: string[] = [];
  readonly #directory: string;

  constructor(directory: string, ports: Readonly<Record<string, Ports>>) {
    this.#directory = directory;
    this.ports = ports;
  }

  async start(id: string, change: Record<string, unknown> = {}): Promise<Appliance> {
    const onFatal = (error: unknown): void => {
      throw error;
    };
    const onStopRequested = (): void => {
      this.stopsRequested.push(id);
      void this.stop(id);
    };
    const config = this.config(id, change);
    const created = new Appliance({
      config,
      logger: silentLogger,
      version: 'test',
      onFatal,
      onStopRequested,
    });
    this.running.set(id, created);
    await created.start();
    return created;
  }

  async stop(id: string): Promise<void> {
    await this.running.get(id)?.stop();
    this.running.delete(id);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.running.keys()].map((id) => this.stop(id)));
  }

  directoryOf(id: string): string {
    return join(this.#directory, id);
  }

  url(id: string): string {
    return `http://${host}:${this.ports[id]!.http}`;
  }

  async status(id: string): Promise<MemberStatus> {
    return (await (await fetch(`${this.url(id)}/status`)).json()) as MemberStatus;
  }

  async serving(...ids: readonly string[]): Promise<void> {
    for (const id of ids) await until(async () => (await this.status(id)).state === 'serving');
  }

  config(id: string, change: Record<string, unknown> = {}): ApplianceConfig {
    const { mqtt, http, cluster } = this.ports[id]!;
    return schema.parse({
      id,
      host,
      mqtt: { port: mqtt },
      http: { port: http },
      cluster: { port: cluster },
      peers: Object.entries(this.ports).map(([peer, each]) => `${peer}=${host}:${each.cluster}`),
      urls: Object.entries(this.ports).map(([peer, each]) => `${peer}=mqtt://${host}:${each.mqtt}`),
      data: this.directoryOf(id),
      publisher: { rate: 0 },
      ...change,
    });
  }
}
