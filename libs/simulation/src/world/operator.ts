import { StoreCorruptError } from '@mqtt-cluster/contracts';
import type { ClusterConfig, ClusterError, MemberId } from '@mqtt-cluster/contracts';
import { publicationsInside } from '../history/history.ts';
import type { History } from '../history/history.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** A service manager starts a process again after this. */
const restartMsMin = 200;
const restartMsMax = 800;
/** An operator who reads that a store is damaged gives the member an empty one after this. */
const replaceMsMin = 100;
const replaceMsMax = 1_000;

export interface CaretakerOptions {
  readonly history: History;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly hosts: ReadonlyMap<MemberId, Host>;
  readonly start: (id: MemberId) => void;
}

/** The service manager and the operator: they start what has ended, and replace what is damaged. */
export class Caretaker {
  readonly #options: CaretakerOptions;
  /** Disks whose content was lost, until their members vote again. */
  readonly #lost = new Map<MemberId, 'damaged' | 'wiped'>();

  /** Whom an operator is about to remove: the others must do without it. */
  #leaving: MemberId | null = null;

  constructor(options: CaretakerOptions) {
    this.#options = options;
  }

  /** Its process ended by itself, so it is started again. */
  ended(host: Host): void {
    this.#unlessStarted(host, restartMsMin, restartMsMax, () => this.#options.start(host.id));
  }

  couldNotStart(host: Host, problem: ClusterError): void {
    const { history, start } = this.#options;
    history.note(() => `${host.id} does not start: ${problem.message}`);
    if (!(problem instanceof StoreCorruptError)) return this.ended(host);
    history.mark('store-damage-found');
    this.#unlessStarted(host, replaceMsMin, replaceMsMax, () => {
      this.loseDisk(host);
      this.#lost.set(host.id, 'damaged');
      start(host.id);
    });
  }

  /**
   * An empty disk for a member that is down. What only the old one held is excused (P1): what stood in its outbox. What a
   * damaged one held can't be read any more, so there it is all that this member ever acked in isolation.
   */
  loseDisk(host: Host): void {
    const { history } = this.#options;
    history.note(() => `wipe ${host.id}`);
    for (const item of host.disk.outbox) this.#excuse(publicationsInside(item.data));
    if (host.disk.damaged !== null) {
      const own = history.publications.filter((one) => one.ackedDegraded && one.ackedBy === host.id);
      this.#excuse(own.map(({ id }) => id));
    }
    host.disk.wipe();
    this.#lost.set(host.id, 'wiped');
  }

  /**
   * Whether this disk may be lost now, too: less than half of the voters at a time may have lost what they had promised to keep, or
   * what a majority has promised would be gone, and nobody could be let in again.
   */
  mayLoseDisk(id: MemberId): boolean {
    return this.#bears({ without: null, losing: id }) && this.#bears({ without: this.#leaving, losing: id });
  }

  /**
   * Whether the others could do without this member; from then on no disk is lost that they would need. A disk may be damaged
   * where nobody has looked yet, which no operator can know.
   */
  mayRemove(id: MemberId): boolean {
    if (!this.#bears({ without: id, losing: null })) return false;
    this.#leaving = id;
    return true;
  }

  /** It is a voter again. */
  returned(): void {
    this.#leaving = null;
  }

  #bears({ without, losing }: { without: MemberId | null; losing: MemberId | null }): boolean {
    const config = this.newestConfig();
    if (config === null) return false;
    const voters = config.members.filter(({ id, role }) => role === 'voter' && id !== without);
    const lost = voters.filter(({ id, storeId }) => {
      const disk = this.#options.hosts.get(id)?.disk;
      return id === losing || disk === undefined || disk.storeId !== storeId || disk.damaged !== null;
    });
    return lost.length * 2 < voters.length;
  }

  configChanged(config: ClusterConfig): void {
    for (const { id, role, storeId } of config.members) {
      const lost = this.#lost.get(id);
      if (lost === undefined || role !== 'voter') continue;
      if (this.#options.hosts.get(id)?.disk.storeId !== storeId) continue;
      this.#lost.delete(id);
      this.#options.history.mark(lost === 'damaged' ? 'store-damage-healed' : 'wiped-store-healed');
    }
  }

  /** Who belongs to the cluster, as the one that is furthest takes it; null before the first start. */
  newestConfig(): ClusterConfig | null {
    let newest: { readonly config: ClusterConfig; readonly term: number; readonly index: number } | null =
      null;
    for (const host of this.#options.hosts.values()) {
      if (host.state !== 'running' || host.member === null) continue;
      const { config, term, lastIndex: index } = host.member.status();
      if (config === null) continue;
      if (newest === null || term > newest.term || (term === newest.term && index > newest.index))
        newest = { config, term, index };
    }
    return newest?.config ?? null;
  }

  #unlessStarted(host: Host, minMs: number, maxMs: number, action: () => void): void {
    const { process } = host;
    this.#options.timeline.after(this.#options.random.between(minMs, maxMs), () => {
      if (host.state === 'dead' && host.process === process) action();
    });
  }

  #excuse(publications: readonly number[]): void {
    for (const id of publications) this.#options.history.excusedPublications.add(id);
  }
}
