import type { RaftTimings } from '@mqtt-cluster/consensus';

/** Lower bound of the election timeouts, in multiples of the measured heartbeat latency. */
const latencyFactor = 4;
/**
 * Upper bound of the extension of the election timeouts, ms. With longer timeouts members would become
 * isolated before they start an election.
 */
const slackMsMax = 1_000;
/**
 * Factor by which the measured latency decays each second. One second with a high latency extends the
 * timeouts for about ten seconds.
 */
const decayPerSample = 0.9;

/**
 * Extends the election timeouts by the measured latency, within a bound, so that overloaded members do not
 * start elections again and again (docs/DESIGN.md, "Elections and timing"). Raft is safe with any timeouts,
 * also when each member has different timeouts.
 */
export class AdaptiveElectionTimeout {
  /**
   * The current election timings. Their values change with the measured latency, so callers must not copy
   * them.
   */
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

  /**
   * Milliseconds added to the configured election timeouts. The timeouts stay unchanged while `latencyFactor`
   * times the latency is at most half of the shortest configured timeout.
   */
  get slackMs(): number {
    const wanted = this.#latencyMs * latencyFactor - this.#usual.electionMsMin / 2;
    return Math.min(slackMsMax, Math.max(0, Math.round(wanted)));
  }

  /** Records, once a second, the sum of the event loop delay and the round-trip time to the peers, ms. */
  measured(latencyMs: number): void {
    this.#latencyMs = Math.max(latencyMs, this.#latencyMs * decayPerSample);
  }
}
