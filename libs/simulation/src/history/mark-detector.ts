import type {
  ClusterConfig,
  MemberEvent,
  MemberId,
  MemberStatus,
  Outgoing,
  RecoveredState,
  StoreWrite,
} from '@mqtt-cluster/contracts';
import { decodeBatchHeader } from '@mqtt-cluster/mqtt-state';
import type { SimulatedClient } from '../clients/client.ts';
import type { History } from './history.ts';
import type { Host } from '../world/host.ts';

/** A takeover within this time after the loss of a leader counts as a takeover during a failover. */
const failoverMs = 1_000;
/** A successful transfer of leadership is complete within this time. */
const transferMs = 1_000;

/** Detects marks (marks.ts) from messages, writes, events and status of the members. */
export class MarkDetector {
  readonly #history: History;
  readonly #clients: readonly SimulatedClient[];
  #leaderLostAtMs = -Infinity;
  readonly #isolated = new Set<MemberId>();
  readonly #configs = new Map<string, ClusterConfig>();
  /** For each batch, the leader that the batch was last sent to. */
  readonly #lastLeader = new Map<string, MemberId>();
  #transferTarget: { readonly to: MemberId; readonly atMs: number } | null = null;
  /**
   * Keys of the states for which a mark is already counted: a state that lasts is counted once per process.
   */
  readonly #markedOnce = new Set<string>();

  constructor(history: History, clients: readonly SimulatedClient[]) {
    this.#history = history;
    this.#clients = clients;
  }

  /** Must be called before the host is stopped or paused. */
  stopping(host: Host): void {
    if (host.state !== 'running' || host.member?.status().role !== 'leader') return;
    this.#leaderLostAtMs = this.#history.nowMs;
    if (this.#isUnderLoad()) this.#history.mark('leader-lost-under-load');
  }

  storeOpened(recovered: RecoveredState): void {
    for (const repair of recovered.repairs) {
      this.#history.mark(repair.includes('unfinished') ? 'torn-tail-recovered' : 'failed-sync-reread');
    }
    if (recovered.outbox.length > 0) this.#history.mark('outbox-recovered');
  }

  storeWrite(host: Host, { truncateFrom, entries }: StoreWrite): void {
    const first = entries?.[0];
    if (truncateFrom === undefined || first === undefined || first.index !== truncateFrom) return;
    const former = host.disk.entryOrPending(truncateFrom);
    if (former !== undefined && former.term !== first.term) this.#history.mark('tail-overwritten');
  }

  messageSent(outgoing: Outgoing): void {
    const isRelayed = outgoing.message.type === 'relay';
    const message = outgoing.message.type === 'relay' ? outgoing.message.message : outgoing.message;
    const to = outgoing.message.type === 'relay' ? outgoing.message.to : outgoing.to;
    if (message.type === 'raft' && message.message.type === 'timeoutNow' && !isRelayed) {
      this.#transferTarget = { to, atMs: this.#history.nowMs };
    }
    if (message.type !== 'propose') return;
    for (const batch of message.batches) {
      const { storeId, incarnation, sequence } = decodeBatchHeader(batch);
      const key = `${storeId}/${incarnation}/${sequence}`;
      const former = this.#lastLeader.get(key);
      if (former !== undefined && former !== to) this.#history.mark('proposal-retried-over-leader-change');
      this.#lastLeader.set(key, to);
    }
  }

  event(host: Host, event: MemberEvent): void {
    const history = this.#history;
    if (event.kind === 'state') {
      if (event.state === 'isolated') this.#isolated.add(host.id);
      if (event.state === 'serving' && this.#isolated.delete(host.id)) history.mark('isolated-then-healed');
    } else if (event.kind === 'takeover') {
      if (history.nowMs - this.#leaderLostAtMs <= failoverMs)
        history.mark('session-taken-over-during-failover');
    } else if (event.kind === 'willFired' && !event.byHome) history.mark('will-fired-by-leader');
    else if (event.kind === 'degradedAcks') history.mark('degraded-ack');
    else if (event.kind === 'dropped' && event.reason === 'queueFull') history.mark('queue-bound-hit');
    else if (event.kind === 'dropped' && event.reason === 'expired') history.mark('message-expired-in-queue');
    else if (event.kind === 'snapshot') this.#snapshot(event.action);
    else if (event.kind === 'configChanged') this.#configChanged(host, event.config);
    else if (event.kind === 'leader' && event.leader === host.id) this.#elected(host.id);
  }

  statusObserved(host: Host, status: MemberStatus): void {
    const { id, process } = host;
    if (status.drained) this.#once(`drained ${id} ${process}`, () => this.#history.mark('member-drained'));
    if (status.state === 'joining' && status.reason.includes('newer version'))
      this.#once(`outdated ${id} ${process}`, () => this.#history.mark('outdated-member-refused'));
  }

  #once(key: string, mark: () => void): void {
    if (this.#markedOnce.has(key)) return;
    this.#markedOnce.add(key);
    mark();
  }

  #snapshot(action: 'taken' | 'sent' | 'installed'): void {
    if (action === 'installed') this.#history.mark('snapshot-to-laggard');
    if (action === 'taken' && this.#isUnderLoad()) this.#history.mark('snapshot-during-writes');
  }

  #elected(id: MemberId): void {
    if (this.#transferTarget?.to !== id || this.#history.nowMs - this.#transferTarget.atMs > transferMs)
      return;
    this.#transferTarget = null;
    this.#history.mark('leadership-transferred');
  }

  #configChanged(host: Host, config: ClusterConfig): void {
    const key = `${host.id} ${host.process}`;
    const former = this.#configs.get(key);
    this.#configs.set(key, config);
    if (former === undefined) return;
    for (const member of former.members) {
      const now = config.members.find(({ id }) => id === member.id);
      if (now === undefined) this.#history.mark('member-removed');
      else if (member.role === 'learner' && now.role === 'voter' && now.storeId === member.storeId)
        this.#history.mark('learner-promoted');
    }
  }

  #isUnderLoad(): boolean {
    return this.#clients.some((client) => client.connected && client.outgoing.unfinished > 0);
  }
}
