import { findMember } from '@mqtt-cluster/contracts';
import type {
  AdminAction,
  AdminAnswerMessage,
  AdminMessage,
  AdminOutcome,
  ConfiguredMember,
  MemberId,
  PeerSurvey,
} from '@mqtt-cluster/contracts';
import type { MemberContext } from '../context.ts';
import type { Peers } from './peers.ts';
import type { Proposer } from '../log/proposer.ts';
import type { Replica } from '../log/replica.ts';

/** How long the member that was asked waits for the leader. */
const answerMsMax = 5_000;
/** How long the leader waits until what it began is done; less, so that its reason gets through. */
const completionMsMax = 4_000;
/** Wishes under way at the same time, of operators and their tools: more are refused. */
const requestsMax = 32;
/** A member that was not heard for so long is not there: it is not added. */
const helloAgeMsMax = 15_000;

type Answer = (outcome: AdminOutcome) => void;

interface OpenRequest {
  readonly answer: Answer;
  readonly untilMs: number;
  /** Null while it is not yet known. */
  readonly check: () => AdminOutcome | null;
  /** What to say when the time is over. */
  readonly timeoutReason: string;
}

const accepted: AdminOutcome = { accepted: true, reason: '' };
const refused = (reason: string): AdminOutcome => ({ accepted: false, reason });
/** May be accepted when it is asked again. */
const retryLater = (reason: string): AdminOutcome => ({ accepted: false, reason, later: true });

/** Operators' wishes: any member may be asked, the leader carries them out and says what came of them. */
export class Administration {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #replica: Replica;
  readonly #proposer: Proposer;
  /** Asked of this member and passed on to the leader. */
  readonly #forwarded = new Map<number, number>();
  /** Begun by this member as the leader. */
  #open: OpenRequest[] = [];

  constructor(context: MemberContext, parts: { peers: Peers; replica: Replica; proposer: Proposer }) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#replica = parts.replica;
    this.#proposer = parts.proposer;
  }

  request(request: number, action: AdminAction): void {
    const { leader } = this.#replica.status;
    if (leader === this.#context.options.id) {
      this.#execute(action, (outcome) => this.#report(request, outcome));
    } else if (leader === null) {
      this.#report(
        request,
        retryLater('no leader is known: without a majority nothing can be asked or changed'),
      );
    } else if (this.#forwarded.size >= requestsMax) {
      this.#report(request, retryLater('too many requests are under way'));
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

  /** Once a turn. */
  tick(): void {
    const { nowMs } = this.#context;
    for (const [request, untilMs] of this.#forwarded) {
      if (nowMs < untilMs) continue;
      this.#forwarded.delete(request);
      this.#report(request, retryLater('the leader does not answer: ask again'));
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
    if (role !== 'leader') return answer(retryLater('leadership has just changed: ask again'));
    if (this.#open.length >= requestsMax) return answer(retryLater('too many requests are under way'));
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
      return answer({ accepted: true, reason: `${id} is a member and votes already` });
    if (known !== undefined)
      return answer({ accepted: true, reason: `${id} is a learner: it votes once it has caught up` });
    const hello = this.#peers.hellos.get(id);
    if (!this.#context.options.members.includes(id)) {
      const reason = `the peers of the leader do not name ${id}: give all members the new list and restart them one by one`;
      return answer(refused(reason));
    }
    if (hello === undefined || this.#peers.silentMs(id) > helloAgeMsMax)
      return answer(retryLater(`nothing is heard of ${id}: start it, with an empty data directory`));
    // One that was removed may come back with its store, if it is this cluster's (its numbers are remembered).
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
    const obstacle = force ? null : this.#outboxObstacle(id);
    if (obstacle !== null) return answer(obstacle);
    this.#change(
      members.filter((member) => member.id !== id),
      answer,
    );
  }

  /**
   * What a member acked on its own disk would be lost with it (design, section 6). What it outboxItems of its outbox is true as long
   * as it follows this leader: one that was not heard for the bound may have been acking mayBeIsolated since.
   */
  #outboxObstacle(id: MemberId): AdminOutcome | null {
    const { options } = this.#context;
    const hello = this.#peers.hellos.get(id);
    const outboxItems = id === options.id ? this.#proposer.outboxItems : hello?.outboxItems;
    const silentMs = id === options.id ? 0 : (this.#replica.raft.status().silentMs[id] ?? Infinity);
    const mayBeIsolated = silentMs >= options.timings.isolatedAfterMs || hello?.state === 'isolated';
    if (outboxItems === undefined || mayBeIsolated) {
      return refused(
        `whether ${id} holds acked messages that the cluster lacks is not known, for it is not heard: force if its disk is lost`,
      );
    }
    if (outboxItems === 0) return null;
    return retryLater(
      `${id} holds acked messages that the cluster does not have yet: wait, or force if they may be lost`,
    );
  }

  #change(members: readonly ConfiguredMember[], answer: Answer): void {
    const proposed = this.#replica.raft.proposeConfig({ members });
    if (!proposed.accepted) return answer(retryLater(proposed.reason));
    const { term } = this.#replica.raft.status();
    this.#wait(answer, 'the change is proposed but not yet committed: look again', () => {
      const status = this.#replica.raft.status();
      if (status.configChangePending && status.role === 'leader' && status.term === term) return null;
      // Committed by this leader; it steps aside right then when it has removed itself.
      const committed = !status.configChangePending && sameMembers(status.config?.members ?? [], members);
      return committed ? accepted : retryLater('leadership changed meanwhile: look again');
    });
  }

  #transfer(to: MemberId | undefined, answer: Answer): void {
    const { raft } = this.#replica;
    if (to === this.#context.options.id) return answer({ accepted: true, reason: `${to} leads already` });
    if (to !== undefined && !this.#members().some(({ id, role }) => id === to && role === 'voter'))
      return answer(refused(`${to} is no voting member of the cluster`));
    raft.transferLeadership(to);
    if (raft.status().transferTarget === null)
      return answer(refused('there is no other voting member that answers'));
    this.#wait(answer, 'leadership could not be handed over: see the members that lag', () => {
      const { role, leader, transferTarget } = raft.status();
      if (role !== 'leader') return leader === null ? null : { accepted: true, reason: `${leader} leads` };
      return transferTarget === null ? retryLater('leadership was not taken over in time: ask again') : null;
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
