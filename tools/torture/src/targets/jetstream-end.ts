import type { ServerAddress } from '@mqtt-cluster/kit';
import type { PlannedFault } from '../nemesis/fault.ts';
import { defineLink, linkIn, send, untilConnected } from './link-requests.ts';
import { jetstreamServer } from './nats.ts';
import type { JetstreamServer } from './nats.ts';
import { ProcessTarget } from './process-target.ts';
import { linkRules } from './remote-end.ts';
import type { NetworkAddress, RemoteEnd } from './remote-end.ts';
import { SecondCluster } from './second-cluster.ts';

const jetstream = { stream: 'TORTURE', replicas: 1 };

/**
 * A nats-server with JetStream, and a second cluster of one member with a link to the same stream. The messages of the
 * workload pass two links. Faults of processes affect nats-server and the member of the second cluster in turn.
 */
export class JetstreamEnd implements RemoteEnd {
  readonly #server: JetstreamServer;
  readonly #nats: ProcessTarget;
  readonly #cluster: SecondCluster;
  #faults = 0;
  readonly #atCluster = new Set<PlannedFault>();

  /** @throws UsageError when nats-server is not installed */
  constructor(folder: string) {
    this.#server = jetstreamServer();
    this.#nats = new ProcessTarget(this.#server.product, `${folder}/nats`, 1);
    this.#cluster = new SecondCluster(`${folder}/cluster`, 1);
  }

  get servers(): readonly ServerAddress[] {
    return this.#cluster.servers;
  }

  async start(): Promise<readonly NetworkAddress[]> {
    await this.#nats.start();
    const address = this.#server.clientAddress();
    await this.#cluster.start();
    await defineLink(this.#cluster.urls, this.definition([`${address.host}:${address.port}`]));
    await this.#untilLinked();
    return [address];
  }

  definition(addresses: readonly string[]): object {
    const urls = addresses.map((address) => `nats://${address}`);
    return { kind: 'jetstream', addresses: urls, keepAliveSeconds: 2, rules: linkRules, jetstream };
  }

  async begin(fault: PlannedFault): Promise<void> {
    if (this.#faults++ % 2 === 0) return this.#nats.begin(fault);
    this.#atCluster.add(fault);
    await this.#cluster.begin(fault);
  }

  async end(fault: PlannedFault): Promise<void> {
    await (this.#atCluster.delete(fault) ? this.#cluster.end(fault) : this.#nats.end(fault));
  }

  async restore(): Promise<void> {
    this.#atCluster.clear();
    await this.#nats.restore();
    await this.#cluster.restore();
    await this.#untilLinked();
  }

  takeCrashes(): string[] {
    return [...this.#nats.takeCrashes(), ...this.#cluster.takeCrashes()];
  }

  async stop(keep: boolean): Promise<void> {
    await this.#cluster.stop(keep);
    await this.#nats.stop(keep);
  }

  #untilLinked(): Promise<void> {
    const [url = ''] = this.#cluster.urls;
    return untilConnected(async () => linkIn(await send(url, 'GET', '/links')) ?? null);
  }
}
