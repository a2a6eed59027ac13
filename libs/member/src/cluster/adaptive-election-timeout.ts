import type { RaftTimings } from '@mqtt-cluster/consensus';

/** Election time-outs are so many times longer than what passes between a heartbeat and its being heard. */
const latencyFactor = 4;
/** Longer ones would make the cluster isolated before it votes. */
const slackMsMax = 1_000;
/** A late second is remembered for about ten. */
const decayPerSample = 0.9;

/**
 * Measured delays raise the election time-outs, within a bound, so that busy machines do not vote for ever (design,
 * section 8). Raft is safe with any time-outs, also with different ones on each member.
 */
export class AdaptiveElectionTimeout {
  /** To be read again for each use. */
  readonly timings: RaftTimings;
  readonly #usual: RaftTimings;
  #latencyMs = 0;

  constructor(usual: RaftTimings) {
    this.#usual = usual;
    const slack = (): number => this.slackMs;
    this.timings = {
      ...usual,
      get electionMsMin() {
        return usual.electionMsMin + slack();
      },
      get electionMsMax() {
        return usual.electionMsMax + slack();
      },
    };
  }

  /** How much longer the time-outs are than configured; half of the shortest is always there for delays. */
  get slackMs(): number {
    const wanted = this.#latencyMs * latencyFactor - this.#usual.electionMsMin / 2;
    return Math.min(slackMsMax, Math.max(0, Math.round(wanted)));
  }

  /** Once a second: how late this process comes to its work, and how long its peers' answers take, together. */
  measured(latencyMs: number): void {
    this.#latencyMs = Math.max(latencyMs, this.#latencyMs * decayPerSample);
  }
}
