import { largeStateSemantics } from '@mqtt-cluster/contracts';
import type { ClusterConfig, LogIndex, MemberId, StoreId } from '@mqtt-cluster/contracts';
import type { MqttStateCounts } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Peers } from '../cluster/peers.ts';

/**
 * Number of this member's own digests that are kept, for the comparison with peers that are ahead or behind.
 */
const keptMax = 16;
/** Largest number of values in one part of the state: sessions, queued messages and retained messages. */
const partValuesMax = 2_048;
/** Bytes of subscriptions and wills in one part of the state, on average. */
const partBytes = 256 * 1024;
/**
 * Before `largeStateSemantics` a digest reads the whole state. So above these sizes members compare digests less often.
 * The sizes are functions of the replicated state, and each interval is a multiple of the shorter ones, so members at
 * equal indexes, also those of older programs, have common indexes.
 */
const mediumStateBytes = 1024 * 1024;
const largeStateBytes = 32 * 1024 * 1024;
/** What a digest reads of each session and of each retained message: names, numbers and the hash of its content. */
const readBytesOfItem = 64;

/** A digest of this member, and those that its peers reported for the same index. */
interface OwnDigest {
  readonly value: string;
  /** Number of entries after which each part of the state has had another digest. */
  readonly cycle: number;
  readonly reports: Map<MemberId, { readonly storeId: StoreId; readonly value: string }>;
}

/**
 * Compares the digests of this member and its peers at common indexes: equal indexes must have equal states.
 */
export class Digests {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #own = new Map<LogIndex, OwnDigest>();
  #latest: { index: LogIndex; value: string } | null = null;
  #reportedIndex = 0;
  /**
   * The peers whose state differs. Later digests need not cover the part that differs, so a difference counts until each
   * part has had another digest, or until the peer has another store.
   */
  readonly #differing = new Map<MemberId, { readonly storeId: StoreId; readonly untilIndex: LogIndex }>();
  #outvoted = false;
  agree = true;

  constructor(context: MemberContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  get latest(): { index: LogIndex; value: string } | null {
    return this.#latest;
  }

  /** @param semantics the semantics version that was in force for the entry */
  applied(index: LogIndex, semantics: number, config: ClusterConfig | null): void {
    const { state, options } = this.#context;
    const every = options.limits.digestEvery;
    if (index % every !== 0) return;
    const divides = semantics >= largeStateSemantics;
    const interval = divides ? every : every * intervalFactor(state.counts());
    if (index % interval !== 0) return;
    const parts = divides ? partsOf(state.counts()) : 1;
    const value = state.digest({ part: (index / every) % parts, parts });
    this.#latest = { index, value };
    this.#own.set(index, { value, cycle: parts * interval, reports: new Map() });
    if (this.#own.size > keptMax) this.#own.delete(this.#own.keys().next().value!);
    this.compare(config);
  }

  /** Drops the digests after a snapshot replaced the state, because they describe the former state. */
  restored(): void {
    this.#own.clear();
    this.#latest = null;
    this.#differing.clear();
    this.agree = true;
  }

  /** Emits an event when a peer reports a different digest for the same index. */
  compare(config: ClusterConfig | null): void {
    const differing: string[] = [];
    let differingIndex = 0;
    this.#dropOutdated();
    for (const [peer, { digest, storeId }] of this.#peers.hellos) {
      const own = digest === null ? undefined : this.#own.get(digest.index);
      if (digest === null || own === undefined) continue;
      const { index, value } = digest;
      own.reports.set(peer, { storeId, value });
      if (own.value === value) continue;
      differing.push(peer);
      differingIndex = Math.max(differingIndex, index);
      this.#differing.set(peer, { storeId, untilIndex: index + own.cycle });
      this.#reportOutvoted(config, index, own);
    }
    this.agree = this.#differing.size === 0;
    if (differingIndex <= this.#reportedIndex) return;
    this.#reportedIndex = differingIndex;
    this.#context.events.push({ kind: 'digestDiffers', index: differingIndex, members: differing });
  }

  #dropOutdated(): void {
    const index = this.#latest?.index ?? 0;
    for (const [peer, { storeId, untilIndex }] of this.#differing) {
      if (index > untilIndex || this.#peers.hellos.get(peer)?.storeId !== storeId)
        this.#differing.delete(peer);
    }
  }

  /**
   * Reports, once, that a majority of the voters has another digest. Two minorities with different digests
   * prove nothing.
   */
  #reportOutvoted(config: ClusterConfig | null, index: LogIndex, own: OwnDigest): void {
    if (this.#outvoted) return;
    const voters = config?.members.filter((member) => member.role === 'voter') ?? [];
    const votes = new Map<string, number>();
    for (const { id, storeId } of voters) {
      const report = own.reports.get(id);
      if (report === undefined || report.storeId !== storeId || report.value === own.value) continue;
      const count = (votes.get(report.value) ?? 0) + 1;
      votes.set(report.value, count);
      if (count * 2 <= voters.length) continue;
      this.#outvoted = true;
      this.#context.events.push({ kind: 'storeUnfit', index });
      return;
    }
  }
}

/** Returns the number of parts of the state, so that a digest of one part stops a member for some milliseconds only. */
function partsOf(counts: MqttStateCounts): number {
  const values = counts.sessions + counts.queuedMessages + counts.retained;
  const bytes = counts.subscriptionBytes + counts.willBytes;
  return Math.max(1, Math.ceil(values / partValuesMax), Math.ceil(bytes / partBytes));
}

/** Returns how much longer the interval is while a digest reads the whole state. */
function intervalFactor(counts: MqttStateCounts): number {
  const items = readBytesOfItem * (counts.sessions + counts.retained);
  const bytes = Math.max(counts.queuedBytes, counts.willBytes + counts.subscriptionBytes + items);
  return bytes > largeStateBytes ? 64 : bytes > mediumStateBytes ? 8 : 1;
}
