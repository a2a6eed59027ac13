import { StoreCorruptError } from '@mqtt-cluster/contracts';
import type { ClusterConfig, ClusterError, LogIndex, MemberId } from '@mqtt-cluster/contracts';
import { publicationIdsIn } from '../history/history.ts';
import type { History } from '../history/history.ts';
import type { Host } from './host.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** Delay after which the service manager restarts a process. */
const restartMsMin = 200;
const restartMsMax = 800;
/** Delay after which an operator replaces the damaged store of a member by an empty one. */
const replaceMsMin = 100;
const replaceMsMax = 1_000;

export interface OperatorOptions {
  readonly history: History;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly hosts: ReadonlyMap<MemberId, Host>;
  readonly start: (id: MemberId) => void;
}

/** Acts for the service manager and the operator: restarts ended processes and replaces damaged stores. */
export class Operator {
  readonly #options: OperatorOptions;
  /** Members with a replaced disk, until they vote again. */
  readonly #emptyDisks = new Map<MemberId, 'damaged' | 'wiped'>();
  /** The member that is being removed: the other members need a majority of their own. */
  #leaving: MemberId | null = null;
  /** The newest configuration that is known to be committed; null before the bootstrap. */
  #committed: { readonly index: LogIndex; readonly config: ClusterConfig } | null = null;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Restarts a process that ended by itself. */
  processExited(host: Host): void {
    this.#unlessStarted(host, restartMsMin, restartMsMax, () => this.#options.start(host.id));
  }

  /** Handles a store that does not open: replaces a damaged store; otherwise repeats the start. */
  startFailed(host: Host, problem: ClusterError): void {
    const { history, start } = this.#options;
    history.log(() => `${host.id} does not start: ${problem.message}`);
    if (!(problem instanceof StoreCorruptError)) return this.processExited(host);
    history.mark('store-damage-found');
    this.#unlessStarted(host, replaceMsMin, replaceMsMax, () => {
      this.replaceDisk(host);
      this.#emptyDisks.set(host.id, 'damaged');
      start(host.id);
    });
  }

  /**
   * Gives an empty disk to a member that is down. The loss of messages that only the old disk contained is
   * excused (P1): the messages in its outbox. If the disk is damaged, its outbox is unreadable, so all
   * degraded acknowledgements of this member are excused.
   */
  replaceDisk(host: Host): void {
    const { history } = this.#options;
    history.log(() => `wipe ${host.id}`);
    history.clockRecordLost = true;
    for (const item of host.disk.outbox) this.#excuse(publicationIdsIn(item.data));
    if (host.disk.damagedPart !== null) {
      const own = history.publications.filter((one) => one.ackedDegraded && one.ackedBy === host.id);
      this.#excuse(own.map(({ id }) => id));
    }
    host.disk.wipe();
    this.#emptyDisks.set(host.id, 'wiped');
  }

  /**
   * Returns whether this disk can be lost in addition to the disks that are lost already. Only a minority of
   * the voters may have lost their disks at one time. Otherwise committed entries would be lost, and no
   * majority could admit a member again.
   */
  canLoseDisk(id: MemberId): boolean {
    return (
      this.#keepsMajority({ leaving: null, losing: id }) &&
      this.#keepsMajority({ leaving: this.#leaving, losing: id })
    );
  }

  /**
   * Returns whether a majority of the other members has intact disks, so that this member can be removed.
   * After a positive answer {@link Operator.canLoseDisk} does not count this member until {@link
   * Operator.memberReturned}. Damage counts before its detection, although a real operator could not detect
   * it.
   */
  canRemove(id: MemberId): boolean {
    if (!this.#keepsMajority({ leaving: id, losing: null })) return false;
    this.#leaving = id;
    return true;
  }

  /** Records that the removed member is a voter again. */
  memberReturned(): void {
    this.#leaving = null;
  }

  /**
   * Returns whether a majority keeps its disks. A change that is not committed can still disappear with the leader that
   * appended it, so both configurations need a majority: the newest one and the newest committed one.
   */
  #keepsMajority(change: { leaving: MemberId | null; losing: MemberId | null }): boolean {
    const newest = this.newestConfig();
    if (newest === null) return false;
    return [newest, this.#committed?.config ?? newest].every((config) =>
      this.#keepsMajorityOf(config, change),
    );
  }

  #keepsMajorityOf(
    config: ClusterConfig,
    { leaving, losing }: { leaving: MemberId | null; losing: MemberId | null },
  ): boolean {
    const voters = config.members.filter(({ id, role }) => role === 'voter' && id !== leaving);
    const lost = voters.filter(({ id, storeId }) => {
      const disk = this.#options.hosts.get(id)?.disk;
      return id === losing || disk === undefined || disk.storeId !== storeId || disk.damagedPart !== null;
    });
    return lost.length * 2 < voters.length;
  }

  /** Records the first configuration. It is not an entry of the log, so no member applies it. */
  configChanged(config: ClusterConfig): void {
    this.#committed ??= { index: 0, config };
  }

  /** Records a configuration that a member has applied, so a majority has stored it. */
  configApplied(index: LogIndex, config: ClusterConfig): void {
    // A member that restarts applies old entries again.
    if (index <= (this.#committed?.index ?? 0)) return;
    this.#committed = { index, config };
    for (const { id, role, storeId } of config.members) {
      const lost = this.#emptyDisks.get(id);
      if (lost === undefined || role !== 'voter') continue;
      if (this.#options.hosts.get(id)?.disk.storeId !== storeId) continue;
      this.#emptyDisks.delete(id);
      this.#options.history.mark(lost === 'damaged' ? 'store-damage-healed' : 'wiped-store-healed');
    }
  }

  /** Returns the configuration of the running member with the newest log; null before the bootstrap. */
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
