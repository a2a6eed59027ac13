import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { credentialFault } from '../remote/credential-files.ts';
import type { Candidate } from '../runner/runner-choice.ts';
import type { LinkManagerOptions, PeerAnswer } from '../types.ts';
import { linkReportsSchema } from './link-report.ts';

/** Time for the answers of the peers before this member starts a link, ms. */
const askMsMax = 500;

export interface CandidatesAnswer {
  /** This member and the reachable ones; null if no link may start now. */
  readonly members: readonly Candidate[] | null;
  /** Why no member may run the link, in one sentence, or null. */
  readonly obstacle: string | null;
}

/** Finds out which members may run a link. */
export class Candidates {
  readonly #options: LinkManagerOptions;

  constructor(options: LinkManagerOptions) {
    this.#options = options;
  }

  /** Returns why this member may not run a link, in one sentence, or null. */
  async obstacleHere(definition: LinkDefinition): Promise<string | null> {
    const { member, directory } = this.#options;
    const { state, reason } = member.status();
    if (state !== 'serving') return reason === '' ? `the member is ${state}` : reason;
    return credentialFault(definition, directory);
  }

  /** Asks all reachable members whether they may run a link. */
  async ask(name: string, definition: LinkDefinition): Promise<CandidatesAnswer> {
    const { self, members, ask, linkState, member, semantics } = this.#options;
    const own = await this.obstacleHere(definition);
    if (member.status().semantics < semantics)
      return { members: null, obstacle: 'the update of the cluster is not complete, so no link starts' };
    const peers = members().filter((id) => id !== self && linkState(id) === 'up');
    const answers = await Promise.all(
      peers.map(async (peer) => ({ peer, answer: await ask(peer, askMsMax) })),
    );
    const tooOld = answers.find(({ answer }) => answer.outcome === 'tooOld');
    if (tooOld !== undefined) {
      const obstacle = `${tooOld.peer} runs an older version, so no link starts until it is updated`;
      return { members: null, obstacle };
    }
    const found = [
      { member: self, mayRun: own === null },
      ...answers.map(({ peer, answer }) => ({ member: peer, mayRun: mayRun(answer, name) })),
    ];
    const isAble = found.some((candidate) => candidate.mayRun);
    const obstacle = `no reachable member may run the link; ${self}: ${own ?? 'ready'}`;
    return { members: found, obstacle: isAble ? null : obstacle };
  }
}

function mayRun(answer: PeerAnswer, name: string): boolean {
  if (answer.outcome !== 'answered') return false;
  const parsed = linkReportsSchema.safeParse(answer.body);
  return parsed.success && parsed.data.some((report) => report.name === name && report.mayRun);
}
