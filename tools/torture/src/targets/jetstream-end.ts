import { startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';
import { defineLink, linkIn, send, untilConnected } from './link-requests.ts';
import { jetstreamServer } from './nats.ts';
import type { JetstreamServer } from './nats.ts';
import { ProcessTarget } from './process-target.ts';
import { linkRules } from './remote-end.ts';
import type { RemoteEnd } from './remote-end.ts';

/** The only member of the other cluster. */
const member = 'm1';
const jetstream = { stream: 'TORTURE', replicas: 1 };

/**
 * A nats-server with JetStream, and a second cluster of one member with a link to the same stream. The messages of the
 * workload pass two links. Faults of processes affect nats-server and the member of the second cluster in turn.
 */
export class JetstreamEnd implements RemoteEnd {
  readonly #server: JetstreamServer;
  readonly #nats: ProcessTarget;
  readonly #folder: string;
  #cluster: RunningCluster | null = null;
  #crashesTaken = 0;
  #faults = 0;
  readonly #atMember = new Set<PlannedFault>();

  /** @throws UsageError when nats-server is not installed */
  constructor(folder: string) {
    this.#folder = folder;
    this.#server = jetstreamServer();
    this.#nats = new ProcessTarget(this.#server.product, `${folder}/nats`, 1);
  }

  get servers(): readonly ServerAddress[] {
    return (this.#cluster?.cluster.servers ?? []).map((server) => ({ ...server, id: `far-${server.id}` }));
  }

  async start(): Promise<{ readonly host: string; readonly port: number }> {
    await this.#nats.start();
    const address = this.#server.clientAddress();
    this.#cluster = await startCluster({ folder: `${this.#folder}/cluster`, members: 1 });
    await defineLink([this.#url], this.definition(`${address.host}:${address.port}`));
    await this.#untilLinked();
    return address;
  }

  definition(address: string): object {
    const addresses = [`nats://${address}`];
    return { kind: 'jetstream', addresses, keepAliveSeconds: 2, rules: linkRules, jetstream };
  }

  async begin(fault: PlannedFault): Promise<void> {
    if (this.#faults++ % 2 === 0) return this.#nats.begin(fault);
    this.#atMember.add(fault);
    await this.#fault(fault.kind);
  }

  async end(fault: PlannedFault): Promise<void> {
    if (!this.#atMember.delete(fault)) return this.#nats.end(fault);
    await this.#fault(fault.kind === 'pause' ? 'resume' : 'start');
  }

  async restore(): Promise<void> {
    this.#atMember.clear();
    await this.#nats.restore();
    await this.#cluster?.cluster.restore();
    await this.#untilLinked();
  }

  takeCrashes(): string[] {
    const crashes = this.#cluster?.cluster.crashes ?? [];
    const fresh = crashes.slice(this.#crashesTaken);
    this.#crashesTaken = crashes.length;
    return [...this.#nats.takeCrashes(), ...fresh.map((text) => `the second cluster: ${text}`)];
  }

  async stop(keep: boolean): Promise<void> {
    await this.#cluster?.end(keep);
    await this.#nats.stop(keep);
  }

  get #url(): string {
    const [place] = this.#cluster?.cluster.layout.members ?? [];
    if (place === undefined) throw new TortureError('the second cluster has no member');
    return `http://${place.host}:${place.httpPort}`;
  }

  async #fault(action: FaultKind | 'resume' | 'start'): Promise<void> {
    if (
      action !== 'kill' &&
      action !== 'stop' &&
      action !== 'pause' &&
      action !== 'resume' &&
      action !== 'start'
    )
      throw new TortureError(`the second cluster does not support the fault ${action}`);
    await this.#cluster?.cluster.fault(action, [[member]]);
  }

  #untilLinked(): Promise<void> {
    return untilConnected(async () => linkIn(await send(this.#url, 'GET', '/links')) ?? null);
  }
}
