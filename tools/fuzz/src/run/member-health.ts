import type { MachineLoad } from './machine-load.ts';

/** Longest time without an answer in which the member did not wait for a processor. */
const silentMsMax = 15_000;
/** An election begins in this time after its cause. */
const electionMsMax = 10_000;

export interface MemberHealthOptions {
  readonly ids: readonly string[];
  /** Asks a member for its status. Rejects, or returns null, when no answer arrives. */
  readonly ask: (id: string) => Promise<{ readonly term: number } | null>;
  readonly load: Pick<MachineLoad, 'excusedMs' | 'isStarved'>;
  readonly nowMs?: () => number;
}

interface Member {
  answeredMs: number;
  /** `MachineLoad.excusedMs` at the last answer. */
  excusedMs: number;
  isAsked: boolean;
  hangs: boolean;
}

/**
 * Asks the members for their status again and again. A member that does not answer although it has processor time hangs. A
 * higher term is an election; the attack must not cause one.
 */
export class MemberHealth {
  readonly #options: MemberHealthOptions;
  readonly #nowMs: () => number;
  readonly #members: ReadonlyMap<string, Member>;
  readonly #faults: string[] = [];
  readonly #inconclusive: string[] = [];
  #term = 0;

  constructor(options: MemberHealthOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#members = new Map(
      options.ids.map((id) => [
        id,
        { answeredMs: this.#nowMs(), excusedMs: options.load.excusedMs(id), isAsked: false, hangs: false },
      ]),
    );
  }

  /** One sentence for each member that hangs and each election. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** The members that hang or have hung. */
  get hanging(): readonly string[] {
    return [...this.#members].filter(([, { hangs }]) => hangs).map(([id]) => id);
  }

  /** One sentence for each election of a starved machine. */
  get inconclusive(): readonly string[] {
    return this.#inconclusive;
  }

  /**
   * Asks each member that has answered the last question, and judges those that have not.
   *
   * @param running ids of the members whose process runs; another member can't answer
   */
  check(running: readonly string[]): void {
    for (const [id, member] of this.#members) {
      if (!running.includes(id)) continue;
      this.#judgeSilence(id, member);
      if (!member.isAsked) void this.#ask(id, member);
    }
  }

  async #ask(id: string, member: Member): Promise<void> {
    member.isAsked = true;
    const status = await this.#options.ask(id).catch(() => null);
    member.isAsked = false;
    if (status === null) return;
    member.answeredMs = this.#nowMs();
    member.excusedMs = this.#options.load.excusedMs(id);
    this.#judgeTerm(status.term);
  }

  #judgeSilence(id: string, member: Member): void {
    const silentMs = this.#nowMs() - member.answeredMs;
    const excusedMs = this.#options.load.excusedMs(id) - member.excusedMs;
    if (member.hangs || silentMs - excusedMs <= silentMsMax) return;
    member.hangs = true;
    this.#faults.push(
      `${id} hangs: it did not answer for ${seconds(silentMs)} s, and waited for a processor for only ${seconds(excusedMs)} s of them`,
    );
  }

  #judgeTerm(term: number): void {
    if (this.#term > 0 && term > this.#term) {
      const nowMs = this.#nowMs();
      const text = `the members elected a leader: term ${this.#term} before, ${term} after`;
      const isStarved = this.#options.load.isStarved(nowMs - electionMsMax, nowMs);
      (isStarved ? this.#inconclusive : this.#faults).push(text);
    }
    this.#term = Math.max(this.#term, term);
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(0);
}
