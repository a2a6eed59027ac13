import { findMember } from '@mqtt-cluster/contracts';
import type {
  AdminAction,
  AdminAnswerMessage,
  AdminMessage,
  AdminOutcome,
  ConfiguredMember,
  MemberId,
  PeerSurvey,
  ServingState,
} from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import { accepted, refused, retryLater } from './admin-outcomes.ts';
import type { Peers } from './peers.ts';
import { Removal } from './removal.ts';
import type { Replica } from '../log/replica.ts';

/** How long the member that received an operator's request waits for the answer of the leader. */
const answerMsMax = 5_000;
/**
 * How long the leader waits until a requested change completes. This time is shorter than `answerMsMax`, so
 * that the leader's answer arrives before the forwarding member times out.
 */
const completionMsMax = 4_000;
/**
 * Upper bound of the operators' requests in progress at the same time. The member rejects further requests.
 */
const requestsMax = 32;
/** The leader adds only members from which it received a message within this time. */
const helloAgeMsMax = 15_000;

type Answer = (outcome: AdminOutcome) => void;

interface OpenRequest {
  readonly answer: Answer;
  readonly untilMs: number;
  /** Returns the outcome of the request, or null while the outcome is unknown. */
  readonly check: () => AdminOutcome | null;
  /** The reason that the answer gives after the timeout. */
  readonly timeoutReason: string;
}

/**
 * Handles the requests of operators. Any member accepts a request and forwards it to the leader. The leader
 * carries out the request and answers with its outcome.
 */
export class Administration {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #replica: Replica;
  /** The serving state of this member. */
  readonly #state: () => ServingState;
  /** Requests that this member forwarded to the leader, with the time at which each one times out. */
  readonly #forwarded = new Map<number, number>();
  /** Requests that this member carries out as the leader. */
  #open: OpenRequest[] = [];

  constructor(context: MemberContext, parts: { peers: Peers; replica: Replica; state: () => ServingState }) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#replica = parts.replica;
    this.#state = parts.state;
  }

  request(request: number, action: AdminAction): void {
    const { leader } = this.#replica.status;
    if (leader === this.#context.options.id) {
      this.#execute(action, (outcome) => this.#report(request, outcome));
    } else if (leader === null) {
      this.#report(
        request,
        retryLater(
          'no leader is known: operators can query and change the cluster only while it has a majority',
        ),
      );
    } else if (this.#forwarded.size >= requestsMax) {
      this.#report(request, retryLater('too many requests are in progress: retry later'));
    } else {
      this.#forwarded.set(request, this.#context.nowMs + answerMsMax);
      this.#peers.send(leader, 'log', { type: 'admin', request, action });
    }
  }

  onRequest(from: MemberId, { request, action }: AdminMessage): void {
    this.#execute(action, (outcome) =>
      this.#peers.send(from, 'log', { type: 'adminAnswer', request, outcome }),
    );
  }

  onAnswer({ request, outcome }: AdminAnswerMessage): void {
    if (this.#forwarded.delete(request)) this.#report(request, outcome);
  }

  /** Answers completed and timed-out requests. Called once a turn. */
  tick(): void {
    const { nowMs } = this.#context;
    for (const [request, untilMs] of this.#forwarded) {
      if (nowMs < untilMs) continue;
      this.#forwarded.delete(request);
      this.#report(request, retryLater('the leader does not answer: retry'));
    }
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter(({ answer, untilMs, check, timeoutReason }) => {
      const outcome = check() ?? (nowMs >= untilMs ? retryLater(timeoutReason) : null);
      if (outcome !== null) answer(outcome);
      return outcome === null;
    });
  }

  #report(request: number, outcome: AdminOutcome): void {
    this.#context.events.push({ kind: 'adminAnswer', request, outcome });
  }

  #execute(action: AdminAction, answer: Answer): void {
    const { role } = this.#replica.raft.status();
    if (role !== 'leader') return answer(retryLater('leadership has just changed: retry'));
    if (this.#open.length >= requestsMax)
      return answer(retryLater('too many requests are in progress: retry later'));
    switch (action.kind) {
      case 'survey':
        return answer({ ...accepted, survey: this.#survey() });
      case 'addMember':
        return this.#add(action.member, answer);
      case 'removeMember':
        return this.#remove(action.member, action.force, answer);
      case 'transferLeadership':
        return this.#transfer(action.to, answer);
    }
  }

  #survey(): Record<MemberId, PeerSurvey> {
    const { match, silentMs, lastIndex } = this.#replica.raft.status();
    const peers = Object.entries(match).map(([id, index]): [MemberId, PeerSurvey] => [
      id,
      { lagEntries: lastIndex - index, silentMs: silentMs[id] ?? 0 },
    ]);
    return Object.fromEntries(peers);
  }

  #add(id: MemberId, answer: Answer): void {
    const members = this.#members();
    const known = members.find((member) => member.id === id);
    if (known?.role === 'voter')
      return answer({ accepted: true, reason: `${id} is already a voting member` });
    if (known !== undefined)
      return answer({
        accepted: true,
        reason: `${id} is already a learner: the leader promotes it to a voter when it has caught up`,
      });
    const hello = this.#peers.hellos.get(id);
    if (!this.#context.options.members.includes(id)) {
      const reason = `the leader's peers (setting peers) do not name ${id}: configure the new peers on all members and restart them one by one`;
      return answer(refused(reason));
    }
    if (hello === undefined || this.#peers.silentMs(id) > helloAgeMsMax)
      return answer(retryLater(`${id} is not connected: start it with an empty data directory`));
    // A removed member may return with its store if the store belongs to this cluster. The replicated state
    // still has the sequence numbers of that store.
    const ofThisCluster =
      hello.config?.members.some(
        (theirs) => findMember({ members }, theirs.id)?.storeId === theirs.storeId,
      ) ?? false;
    if (!hello.fresh && !ofThisCluster)
      return answer(refused(`the store of ${id} belongs to another cluster: empty its data directory`));
    this.#change([...members, { id, storeId: hello.storeId, role: 'learner' }], answer);
  }

  #remove(id: MemberId, force: boolean, answer: Answer): void {
    const members = this.#members();
    if (!members.some((member) => member.id === id))
      return answer({ accepted: true, reason: `${id} is no member of the cluster` });
    if (!members.some((member) => member.id !== id && member.role === 'voter'))
      return answer(refused(`${id} is the only voting member: add another member first`));
    const others = members.filter((member) => member.id !== id);
    if (force) return this.#change(others, answer);
    const parts = { peers: this.#peers, replica: this.#replica, state: this.#state };
    const removal = new Removal(this.#context, parts, id);
    const outcome = removal.step();
    if (outcome !== null) return answer(outcome);
    this.#wait(answer, `the removal of ${id} is not complete yet: check the members again`, () =>
      removal.step(),
    );
  }

  #change(members: readonly ConfiguredMember[], answer: Answer): void {
    const proposed = this.#replica.raft.proposeConfig({ members });
    if (!proposed.accepted) return answer(retryLater(proposed.reason));
    const { term } = this.#replica.raft.status();
    this.#wait(answer, 'the change is proposed but not yet committed: check the members again', () => {
      const status = this.#replica.raft.status();
      if (status.configChangePending && status.role === 'leader' && status.term === term) return null;
      // This leader committed the change. If it removed itself, it has stepped down at the same time.
      const committed = !status.configChangePending && sameMembers(status.config?.members ?? [], members);
      return committed
        ? accepted
        : retryLater('leadership changed before the commit: check the members again');
    });
  }

  #transfer(to: MemberId | undefined, answer: Answer): void {
    const { raft } = this.#replica;
    if (to === this.#context.options.id)
      return answer({ accepted: true, reason: `${to} is already the leader` });
    if (to !== undefined && !this.#members().some(({ id, role }) => id === to && role === 'voter'))
      return answer(refused(`${to} is not a voting member of the cluster`));
    raft.transferLeadership(to);
    if (raft.status().transferTarget === null) return answer(refused('no other voting member is connected'));
    this.#wait(answer, 'leadership could not be transferred: check which members lag', () => {
      const { role, leader, transferTarget } = raft.status();
      if (role !== 'leader')
        return leader === null ? null : { accepted: true, reason: `${leader} is the leader` };
      return transferTarget === null ? retryLater('leadership was not transferred in time: retry') : null;
    });
  }

  #members(): readonly ConfiguredMember[] {
    return this.#replica.raft.status().config?.members ?? [];
  }

  #wait(answer: Answer, timeoutReason: string, check: () => AdminOutcome | null): void {
    this.#open.push({ answer, check, timeoutReason, untilMs: this.#context.nowMs + completionMsMax });
  }
}

function sameMembers(one: readonly ConfiguredMember[], other: readonly ConfiguredMember[]): boolean {
  const key = (members: readonly ConfiguredMember[]): string =>
    JSON.stringify(members.map(({ id, storeId }) => `${id}/${storeId}`).sort());
  return key(one) === key(other);
}
