import type { ServerAddress } from '@mqtt-cluster/kit';
import { linkFilter } from '@mqtt-cluster/workload';
import type { PlannedFault } from '../nemesis/fault.ts';
import { mosquitto } from './mosquitto.ts';
import { ProcessTarget } from './process-target.ts';

/** Where a server listens. */
export type NetworkAddress = Pick<ServerAddress, 'host' | 'port'>;

/** What a link connects the cluster with. */
export interface RemoteEnd {
  /** The MQTT listeners of the clients beyond the link. */
  readonly servers: readonly ServerAddress[];
  /** True if the servers lose what they have not saved when they are killed. */
  readonly isForgetful?: true;
  /** @returns the addresses that the link connects to */
  start(): Promise<readonly NetworkAddress[]>;
  /** Returns the definition of the link. @param addresses host and port of the proxy before each address of the other end */
  definition(addresses: readonly string[]): object;
  /** @returns the servers that the next fault of a process affects, as positions; all without this method */
  aim?(): readonly number[];
  /** Begins a fault of a process: `kill`, `stop` or `pause`. */
  begin(fault: PlannedFault): Promise<void>;
  end(fault: PlannedFault): Promise<void>;
  restore(): Promise<void>;
  takeCrashes(): string[];
  stop(keep: boolean): Promise<void>;
}

/** The rules of a link that passes the messages of the workload in both directions. */
export const linkRules = [
  { direction: 'out', filter: linkFilter, qosMax: 2 },
  { direction: 'in', filter: linkFilter, qosMax: 2 },
];

/**
 * Messages in flight of each client of mosquitto. At its start, mosquitto 2.0.11 forgets the state of the QoS 2 exchanges
 * beyond this number, and of all exchanges with the value 0 (no bound). Then it repeats or loses their messages.
 */
const inFlightMax = 1_000;

/** A mosquitto with persistence. */
export class MosquittoEnd implements RemoteEnd {
  readonly isForgetful = true;
  readonly #mosquitto: ProcessTarget;

  /** @throws UsageError when mosquitto is not installed */
  constructor(folder: string) {
    this.#mosquitto = new ProcessTarget(mosquitto({ inFlightMax }), folder, 1);
  }

  get servers(): readonly ServerAddress[] {
    return this.#mosquitto.servers;
  }

  async start(): Promise<readonly ServerAddress[]> {
    await this.#mosquitto.start();
    return this.servers;
  }

  definition(addresses: readonly string[]): object {
    const urls = addresses.map((address) => `mqtt://${address}`);
    return { addresses: urls, keepAliveSeconds: 2, rules: linkRules };
  }

  begin(fault: PlannedFault): Promise<void> {
    return this.#mosquitto.begin(fault);
  }

  end(fault: PlannedFault): Promise<void> {
    return this.#mosquitto.end(fault);
  }

  restore(): Promise<void> {
    return this.#mosquitto.restore();
  }

  takeCrashes(): string[] {
    return this.#mosquitto.takeCrashes();
  }

  stop(keep: boolean): Promise<void> {
    return this.#mosquitto.stop(keep);
  }
}
