import type {
  DropReason,
  Logger,
  MemberEvent,
  MemberStatus,
  ServingState,
  StoreUsage,
} from '@mqtt-cluster/contracts';
import {
  brokerMetrics,
  memberMetrics,
  MetricTotals,
  raftMetrics,
  storeMetrics,
} from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { RecentDurations } from './recent-durations.ts';
import type { MemberMeasures } from '@mqtt-cluster/member';

const states: readonly ServingState[] = ['joining', 'serving', 'draining', 'isolated'];
const roles: readonly MemberStatus['role'][] = ['leader', 'follower', 'candidate', 'learner', 'none'];

/** Value of the label `reason` of the metric for dropped messages, by drop reason. */
const dropReasonLabels: Readonly<Record<DropReason, string>> = {
  queueFull: 'queue_full',
  queueShare: 'queue_share',
  retainedLimit: 'retained_limit',
  slowSubscriber: 'slow_subscriber',
  slowBridge: 'slow_bridge',
  expired: 'expired',
  noMajority: 'no_majority',
  sessionLimit: 'session_limit',
  outboxFull: 'outbox_full',
  notAuthorized: 'not_authorized',
};

const alarmMessages = {
  storeUnfit: 'a majority of the voters has a different state than this member',
  duplicateMemberId:
    'rejected a process with another store that uses the id of a connected member: give each host its own id',
} as const;

/** Shortest interval between two log lines about messages dropped for the same reason, ms. */
const dropLogMs = 60_000;

/** Log lines about dropped messages whose publisher and subscriber get no error. */
const droppedMessages: { readonly [Reason in DropReason]?: string } = {
  queueShare:
    'dropped messages of the largest queues: the queues of the cluster or of one user are full (clusterQueueMemoryMax, userQueueMemoryMax)',
  retainedLimit:
    'QoS 0 messages or wills were not retained: a bound of retained messages is reached (retainedMax, retainedBytesMax, userRetainedBytesMax)',
};

/** Translates the events and the status of a member into log lines and metrics. */
export class MemberReporter {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #totals: MetricTotals;
  /** Monotonic milliseconds. */
  readonly #now: () => number;
  /** Times at which the messages in the current turn's effects were received. */
  #receivedMs: number[] = [];
  /** Peers for which this member exports a lag metric. A member that no longer leads removes these metrics. */
  #laggingPeers = new Set<string>();
  #droppedMessages = 0;
  readonly #unloggedDrops = new Map<DropReason, { count: number; loggedMs: number }>();
  #expiredSessions = 0;
  readonly measures: MemberMeasures;
  /** Times from the batches of this member's clients until a majority had stored them, ms. */
  readonly commits: RecentDurations;

  constructor(logger: Logger, metrics: Metrics, now: () => number = (): number => performance.now()) {
    this.#logger = logger;
    this.#metrics = metrics;
    this.#totals = new MetricTotals(metrics);
    this.#now = now;
    this.commits = new RecentDurations(now);
    this.measures = {
      committed: (durationMs) => {
        metrics.observe(raftMetrics.commitSeconds, [], durationMs / 1_000);
        this.commits.add(durationMs);
      },
      delivering: (receivedMs) => this.#receivedMs.push(receivedMs),
    };
  }

  /** Number of dropped messages. Each dropped message is counted on one member of the cluster only. */
  get droppedMessages(): number {
    return this.#droppedMessages;
  }

  /** Number of expired sessions. Each session is counted on one member of the cluster only. */
  get expiredSessions(): number {
    return this.#expiredSessions;
  }

  /** `turnMs`: duration of the turn that emitted the events. */
  onEvents(events: readonly MemberEvent[], turnMs = 0): void {
    for (const event of events) this.#onEvent(event, turnMs);
  }

  /** Records the delivery times. Call it after the effects of a turn were written to the clients' sockets. */
  onEffectsWritten(): void {
    if (this.#receivedMs.length === 0) return;
    const nowMs = this.#now();
    for (const receivedMs of this.#receivedMs) {
      this.#metrics.observe(brokerMetrics.deliverySeconds, [], (nowMs - receivedMs) / 1_000);
    }
    this.#receivedMs = [];
  }

  /** Sets the gauges from the status and the usage of the store. Called before each scrape. */
  updateGauges(status: MemberStatus, usage: StoreUsage): void {
    this.#updateLog(status);
    this.#updateMember(status);
    this.#updateQueues(status);
    const metrics = this.#metrics;
    metrics.set(storeMetrics.bytes, ['log'], usage.logBytes);
    metrics.set(storeMetrics.bytes, ['outbox'], usage.outboxBytes);
    metrics.set(storeMetrics.bytes, ['snapshots'], usage.snapshotBytes);
  }

  /** Updates the number of turns since the start, by cause. Called before each scrape. */
  updateTurns(turns: Readonly<Record<'input' | 'timer', number>>): void {
    this.#totals.report(memberMetrics.turns, ['input'], turns.input);
    this.#totals.report(memberMetrics.turns, ['timer'], turns.timer);
  }

  #updateLog(status: MemberStatus): void {
    const metrics = this.#metrics;
    metrics.set(raftMetrics.leader, [], status.role === 'leader' ? 1 : 0);
    metrics.set(raftMetrics.leaderKnown, [], status.leader === null ? 0 : 1);
    for (const role of roles) metrics.set(raftMetrics.role, [role], status.role === role ? 1 : 0);
    for (const role of ['voter', 'learner']) {
      const members = status.config?.members.filter((member) => member.role === role) ?? [];
      metrics.set(raftMetrics.members, [role], members.length);
    }
    metrics.set(raftMetrics.term, [], status.term);
    this.#totals.report(raftMetrics.elections, [], status.elections);
    metrics.set(raftMetrics.logIndex, ['last'], status.lastIndex);
    metrics.set(raftMetrics.logIndex, ['committed'], status.commitIndex);
    metrics.set(raftMetrics.logIndex, ['applied'], status.appliedIndex);
    metrics.set(raftMetrics.logIndex, ['snapshot'], status.snapshotIndex);
    metrics.set(raftMetrics.logBytes, [], status.logBytes);
    metrics.set(raftMetrics.logBytesMax, [], status.bounds.logBytesMax);
    this.#updateLag(status.lag);
    metrics.set(raftMetrics.proposalsPending, [], status.pendingCommands);
  }

  #updateLag(lag: MemberStatus['lag']): void {
    for (const peer of this.#laggingPeers) {
      if (lag[peer] === undefined) this.#metrics.remove(raftMetrics.lag, [peer]);
    }
    this.#laggingPeers = new Set(Object.keys(lag));
    for (const [peer, entries] of Object.entries(lag)) this.#metrics.set(raftMetrics.lag, [peer], entries);
  }

  #updateMember(status: MemberStatus): void {
    const metrics = this.#metrics;
    for (const state of states) metrics.set(memberMetrics.state, [state], status.state === state ? 1 : 0);
    metrics.set(memberMetrics.incarnation, [], status.incarnation);
    metrics.set(memberMetrics.sessions, [], status.sessions);
    metrics.set(memberMetrics.sessionsMax, [], status.settings.sessionsMax);
    metrics.set(memberMetrics.subscriptions, [], status.subscriptions);
    metrics.set(memberMetrics.homeSubscriptions, [], status.homeSubscriptions);
    metrics.set(memberMetrics.retained, [], status.retained);
    metrics.set(memberMetrics.retainedMax, [], status.settings.retainedMax);
    metrics.set(memberMetrics.digestsAgree, [], status.digestsAgree ? 1 : 0);
    metrics.set(memberMetrics.digestIndex, [], status.digest?.index ?? 0);
  }

  #updateQueues(status: MemberStatus): void {
    const metrics = this.#metrics;
    metrics.set(memberMetrics.queuedMessages, [], status.queuedMessages);
    metrics.set(memberMetrics.queuedBytes, [], status.queuedBytes);
    metrics.set(memberMetrics.queuedBytesMax, [], status.settings.clusterQueuedBytesMax);
    for (const [kind, { bytes, max }] of Object.entries(status.stateBytes)) {
      metrics.set(memberMetrics.stateBytes, [kind], bytes);
      metrics.set(memberMetrics.stateBytesMax, [kind], max);
    }
    for (const [kind, { bytes, max }] of Object.entries(status.homeBytes)) {
      metrics.set(memberMetrics.homeBytes, [kind], bytes);
      metrics.set(memberMetrics.homeBytesMax, [kind], max);
    }
    metrics.set(memberMetrics.sessionQueueMax, [], status.settings.queuedMessagesMax);
    metrics.set(memberMetrics.homeQueuedMessages, [], status.homeQueuedMessages);
    metrics.set(memberMetrics.inFlight, [], status.inFlight);
    for (const [qos, count] of status.heldPublishes.entries())
      metrics.set(memberMetrics.heldPublishes, [String(qos)], count);
    metrics.set(memberMetrics.outboxBatches, [], status.outboxItems);
    metrics.set(memberMetrics.outboxBytes, [], status.outboxBytes);
    metrics.set(memberMetrics.outboxBytesMax, [], status.bounds.outboxBytesMax);
  }

  #onEvent(event: MemberEvent, turnMs: number): void {
    const logger = this.#logger;
    const metrics = this.#metrics;
    switch (event.kind) {
      case 'state':
        logger.info({ state: event.state, reason: event.reason }, `member is ${event.state}`);
        return;
      case 'leader':
        metrics.add(raftMetrics.leaderChanges, []);
        logger.info({ leader: event.leader, term: event.term }, 'leader changed');
        return;
      case 'steppedDown':
        logger.info({ term: event.term, reason: event.reason }, 'this member no longer leads');
        return;
      case 'leadershipTransfer':
        logger.warn({ reason: event.reason }, 'this member asks another one to lead');
        return;
      case 'sessionEnded':
        if (!event.counts) return;
        if (event.expired) this.#expiredSessions++;
        return metrics.add(memberMetrics.sessionsEnded, []);
      case 'willFired':
        if (event.counts) metrics.add(memberMetrics.willsFired, [event.byHome ? 'home' : 'cluster']);
        return;
      case 'dropped':
        if (!event.counts) return;
        this.#droppedMessages += event.count;
        this.#logDropped(event.reason, event.count);
        return metrics.add(memberMetrics.dropped, [dropReasonLabels[event.reason]], event.count);
      case 'snapshotBegun':
        return metrics.observe(memberMetrics.snapshotSeconds, ['taken'], turnMs / 1_000);
      case 'snapshot':
        return this.#onSnapshot(event, turnMs);
      case 'digestDiffers':
        metrics.add(memberMetrics.alarms, []);
        logger.error(
          { index: event.index, members: event.members },
          'peers have a different state at this index',
        );
        return;
      case 'storeUnfit':
      case 'duplicateMemberId':
        metrics.add(memberMetrics.alarms, []);
        logger.error({ ...event }, alarmMessages[event.kind]);
        return;
      case 'configChanged':
        logger.info({ members: event.config.members }, 'the members of the cluster changed');
        return;
      case 'alarm':
        metrics.add(memberMetrics.alarms, []);
        logger.error({}, event.text);
        return;
      // The broker counts connections and acknowledgements. The admin command handler handles admin answers.
      default:
        return;
    }
  }

  /** Logs messages that a bound in bytes has dropped, at most once a minute for each reason. */
  #logDropped(reason: DropReason, count: number): void {
    const text = droppedMessages[reason];
    if (text === undefined) return;
    const nowMs = this.#now();
    const unlogged = this.#unloggedDrops.get(reason) ?? { count: 0, loggedMs: -Infinity };
    this.#unloggedDrops.set(reason, unlogged);
    unlogged.count += count;
    if (nowMs - unlogged.loggedMs < dropLogMs) return;
    this.#logger.warn({ count: unlogged.count }, text);
    unlogged.count = 0;
    unlogged.loggedMs = nowMs;
  }

  #onSnapshot({ action, index, bytes }: Extract<MemberEvent, { kind: 'snapshot' }>, turnMs: number): void {
    const metrics = this.#metrics;
    metrics.add(memberMetrics.snapshots, [action]);
    metrics.set(memberMetrics.snapshotBytes, [action], bytes);
    if (action === 'installed') metrics.observe(memberMetrics.snapshotSeconds, [action], turnMs / 1_000);
    this.#logger.info({ index, bytes }, `snapshot ${action}`);
  }
}
