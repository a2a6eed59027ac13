import type { AdminOutcome, ConfiguredMember, MemberId, ServingState } from '@mqtt-cluster/contracts';
import type { RaftStatus } from '@mqtt-cluster/consensus';
import type { MemberContext } from '../context.ts';
import type { Replica } from '../log/replica.ts';
import { accepted, refused, retryLater } from './admin-outcomes.ts';
import type { Peers } from './peers.ts';

/**
 * Returns whether a member may accept clients, so that the leader removes it only after a drain or by force. A learner that
 * is still joining accepts no client, but a voter that joins again after a restart soon does.
 */
export function mayAcceptClients(state: ServingState, role: ConfiguredMember['role']): boolean {
  return state !== 'draining' && !(state === 'joining' && role === 'learner');
}

/**
 * The leader's removal of a drained member, without `force`. No acknowledged message is lost with the member
 * (docs/DESIGN.md, "Membership").
 *
 * A member acknowledges messages from its own disk while it is isolated, and the leader sends nothing to a removed member.
 * The last hello message of the member may be outdated: an operator may have ended its drain, or restarted it. So the
 * leader makes two changes of the configuration:
 *
 * 1. The member loses its vote. A member without a vote never acknowledges messages from its own disk. The member finds the
 *    change in its log, also after a restart.
 * 2. The member leaves the configuration, after it has stored the first change, and has then reported that it has no
 *    clients and an empty outbox.
 *
 * If the removal ends between the two changes, the leader gives the vote back as soon as the member serves (`Membership`).
 */
export class Removal {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #replica: Replica;
  readonly #state: () => ServingState;
  readonly #id: MemberId;
  readonly #term: number;

  /** @param parts `state` returns the serving state of the leader itself */
  constructor(
    context: MemberContext,
    parts: { peers: Peers; replica: Replica; state: () => ServingState },
    id: MemberId,
  ) {
    this.#context = context;
    this.#peers = parts.peers;
    this.#replica = parts.replica;
    this.#state = parts.state;
    this.#id = id;
    this.#term = parts.replica.raft.status().term;
  }

  /** Proposes the next change when it is due. @returns the outcome, or null while the removal continues */
  step(): AdminOutcome | null {
    const { raft, appliedIndex } = this.#replica;
    const status = raft.status();
    if (status.role !== 'leader' || status.term !== this.#term)
      return retryLater('leadership changed before the commit: check the members again');
    if (status.configChangePending) return null;
    const members = status.config?.members ?? [];
    const member = members.find(({ id }) => id === this.#id);
    if (member === undefined) return accepted;
    const obstacle = this.#obstacle(member, status);
    if (obstacle !== null) return obstacle;
    if (member.role === 'voter')
      return this.#propose(members.map((each) => (each === member ? { ...each, role: 'learner' } : each)));
    // From here on the applied configuration is the current one.
    if (appliedIndex !== status.commitIndex || !this.#hasConfirmed(status)) return null;
    return this.#propose(members.filter((each) => each !== member));
  }

  #propose(members: readonly ConfiguredMember[]): AdminOutcome | null {
    const proposed = this.#replica.raft.proposeConfig({ members });
    return proposed.accepted ? null : retryLater(proposed.reason);
  }

  /**
   * Returns whether the member has stored that it has no vote, and whether its last hello message was sent after that. A
   * member may apply an entry before it has stored it.
   */
  #hasConfirmed({ match }: RaftStatus): boolean {
    const { index } = this.#replica.appliedConfig!;
    const appliedIndex = this.#peers.hellos.get(this.#id)?.appliedIndex ?? 0;
    return (match[this.#id] ?? 0) >= index && appliedIndex >= index;
  }

  /** Returns why the member must not be removed now, or null. */
  #obstacle({ id, storeId, role }: ConfiguredMember, { silentMs }: RaftStatus): AdminOutcome | null {
    const { options } = this.#context;
    if (id === options.id) return this.#obstacleOfLeader(id);
    const hello = this.#peers.hellos.get(id);
    // A member that was silent for longer may have become isolated, and its outbox may have grown.
    const isSilent = (silentMs[id] ?? Infinity) >= options.timings.isolatedAfterMs;
    if (hello?.storeId !== storeId || isSilent || hello.state === 'isolated')
      return refused(
        `${id} is not connected and may hold acked messages that the cluster does not have: start it, or use force if its disk is lost`,
      );
    if (hello.outboxItems === undefined)
      return refused(
        `the version of ${id} does not report whether it holds acked messages that the cluster does not have: update it first, or use force if these messages may be lost`,
      );
    if (mayAcceptClients(hello.state, role)) return refusedUndrained(id);
    if (hello.clients > 0)
      return retryLater(`${id} still drains and has ${hello.clients} clients: retry when it has none`);
    if (hello.outboxItems === 0) return null;
    return retryLater(
      `${id} holds acked messages that the cluster does not have yet: retry later, or use force if these messages may be lost`,
    );
  }

  #obstacleOfLeader(id: MemberId): AdminOutcome {
    return this.#state() === 'draining'
      ? retryLater(`${id} still drains and leads the cluster: retry when another member leads`)
      : refusedUndrained(id);
  }
}

function refusedUndrained(id: MemberId): AdminOutcome {
  return refused(
    `${id} does not drain, and the cluster would lose messages that it acknowledges from now on: drain it first (command "drain ${id}"), then remove it`,
  );
}
