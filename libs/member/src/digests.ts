import type { HelloMessage, LogIndex } from '@mqtt-cluster/contracts';
import type { MemberContext } from './context.ts';
import type { Peers } from './peers.ts';

/** Own digests kept for comparison with peers that are ahead or behind. */
const keptMax = 16;
/** States of more than so many queued bytes are compared more rarely: a digest reads all of it. */
const mediumStateBytes = 1024 * 1024;
const largeStateBytes = 32 * 1024 * 1024;

/** Compares this member's state with its peers' at common indexes (design, section 3: same index, same bytes). */
export class Digests {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #own = new Map<LogIndex, string>();
  #latest: { index: LogIndex; value: string } | null = null;
  #reportedIndex = 0;
  agree = true;

  constructor(context: MemberContext, peers: Peers) {
    this.#context = context;
    this.#peers = peers;
  }

  get latest(): { index: LogIndex; value: string } | null {
    return this.#latest;
  }

  applied(index: LogIndex): void {
    const every = this.#context.options.limits.digestEvery;
    if (index % every !== 0) return;
    const { queuedBytes } = this.#context.state.counts();
    const factor = queuedBytes > largeStateBytes ? 64 : queuedBytes > mediumStateBytes ? 8 : 1;
    if (index % (every * factor) !== 0) return;
    const value = this.#context.state.digest();
    this.#latest = { index, value };
    this.#own.set(index, value);
    if (this.#own.size > keptMax) this.#own.delete(this.#own.keys().next().value!);
    this.compare();
  }

  /** Alarms when a majority of the members that have the same index hold something else. */
  compare(): void {
    const differing: string[] = [];
    let index = 0;
    for (const [peer, hello] of this.#peers.hellos) {
      const own = this.#ownAt(hello);
      if (own === undefined || own === hello.digest!.value) continue;
      differing.push(peer);
      index = Math.max(index, hello.digest!.index);
    }
    this.agree = differing.length === 0;
    if (this.agree || index <= this.#reportedIndex) return;
    this.#reportedIndex = index;
    this.#context.events.push({ kind: 'digestDiffers', index, members: differing });
  }

  #ownAt(hello: HelloMessage): string | undefined {
    return hello.digest === null ? undefined : this.#own.get(hello.digest.index);
  }
}
