import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import type { RaftStatus } from '@mqtt-cluster/consensus';
import type { MemberContext } from './context.ts';
import type { Digests } from './log/digests.ts';
import type { Home } from './home/home.ts';
import type { Peers } from './cluster/peers.ts';
import type { Proposer } from './log/proposer.ts';
import type { Replica } from './log/replica.ts';
import type { Serving } from './cluster/serving.ts';

/** Returns the status of a member for operators and metrics. */
export function statusOf(parts: {
  context: MemberContext;
  peers: Peers;
  proposer: Proposer;
  home: Home;
  serving: Serving;
  digests: Digests;
  replica: Replica;
  drained: boolean;
}): MemberStatus {
  const { context, peers, proposer, home, serving, digests, replica, drained } = parts;
  const raft = replica.raft.status();
  const counts = context.state.counts();
  const { limits, recovered } = context.options;
  const { settings } = context.state;
  const { inFlight, subscriptions, queued } = home.sums();
  return {
    id: context.options.id,
    state: serving.state,
    reason: serving.reason,
    role: raft.role === 'preCandidate' ? 'candidate' : raft.role,
    leader: raft.leader,
    term: raft.term,
    lastIndex: raft.lastIndex,
    commitIndex: raft.commitIndex,
    appliedIndex: replica.appliedIndex,
    snapshotIndex: replica.snapshotIndex,
    logBytes: raft.logBytes,
    lag: raft.role === 'leader' ? lagOf(raft) : {},
    links: Object.fromEntries(peers.links),
    config: raft.config,
    settings: context.state.settings,
    bounds: { logBytesMax: replica.logBytesMax, outboxBytesMax: limits.outboxBytesMax },
    incarnation: recovered.incarnation,
    semantics: context.state.semantics,
    elections: replica.elections,
    connections: home.connections,
    sessions: counts.sessions,
    subscriptions: counts.subscriptions,
    retained: counts.retained,
    queuedMessages: counts.queuedMessages,
    queuedBytes: counts.queuedBytes,
    stateBytes: {
      queues: { bytes: counts.queueMemory, max: settings.clusterQueueMemoryMax },
      retained: { bytes: counts.retainedBytes, max: settings.retainedBytesMax },
      subscriptions: { bytes: counts.subscriptionBytes, max: settings.subscriptionBytesMax },
      wills: { bytes: counts.willBytes, max: settings.willBytesMax },
    },
    homeBytes: home.bytes(),
    inFlight,
    homeSubscriptions: subscriptions,
    homeQueuedMessages: queued,
    outboxItems: proposer.outboxItems,
    outboxBytes: proposer.outboxBytes,
    pendingCommands: proposer.pendingCommands,
    heldPublishes: home.heldPublishes(),
    digest: digests.latest,
    digestsAgree: digests.agree,
    drained,
    peers: peers.summaries,
  };
}

/** Returns how many entries each peer lacks, as the leader knows it. */
function lagOf({ match, lastIndex }: RaftStatus): Record<MemberId, number> {
  return Object.fromEntries(Object.entries(match).map(([id, index]) => [id, lastIndex - index]));
}
