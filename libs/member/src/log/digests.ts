import { largeStateSemantics } from '@mqtt-cluster/contracts';
import type { ClusterConfig, HelloMessage, LogIndex } from '@mqtt-cluster/contracts';
import type { MqttStateCounts } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Peers } from '../cluster/peers.ts';

/**
 * Number of this member's own digests that are kept, for the comparison with peers that are ahead or behind.
 */
const keptMax = 16;
/** Largest part of the state that one digest reads, bytes. */
const partBytesMax = 64 * 1024;
/**
 * Before `largeStateSemantics` a digest reads the whole state. So above these sizes members compare digests less often.
 * The sizes are functions of the replicated state, and each interval is a multiple of the shorter ones, so members at
 * equal indexes, also those of older programs, have common indexes.
 */
const mediumStateBytes = 1024 * 1024;
const largeStateBytes = 32 * 1024 * 1024;
/** What a digest reads of each session and of each retained message: names, numbers and the hash of its content. */
const readBytesOfItem = 64;

/**
 * Compares the digests of this member and its peers at common indexes: equal indexes must have equal states.
 */
export class Digests {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #own = new Map<LogIndex, string>();
  #latest: { index: LogIndex; value: string } | null = null;
  #reportedIndex = 0;
  #outvoted = false;
  agree = true;

  constructor(context: MemberContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  get latest(): { index: LogIndex; value: string } | null {
    return this.#latest;
  }

  applied(index: LogIndex, config: ClusterConfig | null): void {
    const { state, options } = this.#context;
    const every = options.limits.digestEvery;
    if (index % every !== 0) return;
    const bytes = readBytes(state.counts());
    const divides = state.semantics >= largeStateSemantics;
    const factor = divides || bytes <= mediumStateBytes ? 1 : bytes <= largeStateBytes ? 8 : 64;
    if (index % (every * factor) !== 0) return;
    const parts = divides ? Math.max(1, Math.ceil(bytes / partBytesMax)) : 1;
    const value = state.digest({ part: (index / every) % parts, parts });
    this.#latest = { index, value };
    this.#own.set(index, value);
    if (this.#own.size > keptMax) this.#own.delete(this.#own.keys().next().value!);
    this.compare(config);
  }

  /** Drops the digests after a snapshot replaced the state, because they describe the former state. */
  restored(): void {
    this.#own.clear();
    this.#latest = null;
    this.agree = true;
  }

  /** Emits an event when a peer reports a different digest for the same index. */
  compare(config: ClusterConfig | null): void {
    const differing: string[] = [];
    let index = 0;
    for (const [peer, hello] of this.#peers.hellos) {
      const own = this.#ownAt(hello);
      if (own === undefined || own === hello.digest!.value) continue;
      differing.push(peer);
      index = Math.max(index, hello.digest!.index);
    }
    this.agree = differing.length === 0;
    if (this.agree) return;
    this.#reportOutvoted(config);
    if (index <= this.#reportedIndex) return;
    this.#reportedIndex = index;
    this.#context.events.push({ kind: 'digestDiffers', index, members: differing });
  }

  /**
   * Reports, once, that a majority of the voters has another digest. Two minorities with different digests
   * prove nothing.
   */
  #reportOutvoted(config: ClusterConfig | null): void {
    if (this.#outvoted) return;
    const voters = config?.members.filter((member) => member.role === 'voter') ?? [];
    const votes = new Map<string, number>();
    for (const { id, storeId } of voters) {
      const hello = this.#peers.hellos.get(id);
      const own = hello?.storeId === storeId ? this.#ownAt(hello) : undefined;
      if (own === undefined || own === hello!.digest!.value) continue;
      const { index, value } = hello!.digest!;
      const count = (votes.get(`${index}/${value}`) ?? 0) + 1;
      votes.set(`${index}/${value}`, count);
      if (count * 2 <= voters.length) continue;
      this.#outvoted = true;
      this.#context.events.push({ kind: 'storeUnfit', index });
      return;
    }
  }

  #ownAt(hello: HelloMessage): string | undefined {
    return hello.digest === null ? undefined : this.#own.get(hello.digest.index);
  }
}

/** Returns about how many bytes a digest of the whole state reads. */
function readBytes(counts: MqttStateCounts): number {
  const items = readBytesOfItem * (counts.sessions + counts.retained);
  return Math.max(counts.queuedBytes, counts.willBytes + counts.subscriptionBytes + items);
}
