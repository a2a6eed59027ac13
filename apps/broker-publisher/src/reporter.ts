import { memberMetrics } from '@mqtt-cluster/contracts';
import type {
  ClientEffect,
  Logger,
  MemberEvent,
  MemberStatus,
  Metrics,
  ServingState,
  StoreUsage,
} from '@mqtt-cluster/contracts';

const states: readonly ServingState[] = ['joining', 'serving', 'draining', 'isolated'];

/** Turns what a member says of itself into log lines and metrics. */
export class Reporter {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #elections = 0;
  #syncs = 0;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  onEvents(events: readonly MemberEvent[]): void {
    for (const event of events) this.#onEvent(event);
  }

  /** Counted per turn and by kind, so that the hot path costs a few additions. */
  onEffects(effects: readonly ClientEffect[]): void {
    const delivered: [number, number, number] = [0, 0, 0];
    let pubacks = 0;
    let pubrecs = 0;
    let refused = 0;
    for (const effect of effects) {
      if (effect.kind === 'deliver') delivered[effect.qos]++;
      else if (effect.kind === 'puback' || effect.kind === 'pubrec') {
        if (effect.result !== 'ok') refused++;
        else if (effect.kind === 'puback') pubacks++;
        else pubrecs++;
      }
    }
    delivered.forEach((count, qos) => {
      if (count > 0) this.#metrics.add(memberMetrics.delivered, [String(qos)], count);
    });
    if (pubacks > 0) this.#metrics.add(memberMetrics.acks, ['1', 'ok'], pubacks);
    if (pubrecs > 0) this.#metrics.add(memberMetrics.acks, ['2', 'ok'], pubrecs);
    if (refused > 0) this.#metrics.add(memberMetrics.acks, ['any', 'refused'], refused);
  }

  /** Before each scrape. */
  measure(status: MemberStatus, usage: StoreUsage): void {
    const metrics = this.#metrics;
    for (const state of states) metrics.set(memberMetrics.state, [state], status.state === state ? 1 : 0);
    metrics.set(memberMetrics.leader, [], status.role === 'leader' ? 1 : 0);
    metrics.set(memberMetrics.term, [], status.term);
    metrics.add(memberMetrics.elections, [], status.elections - this.#elections);
    this.#elections = status.elections;
    metrics.set(memberMetrics.logIndex, ['last'], status.lastIndex);
    metrics.set(memberMetrics.logIndex, ['committed'], status.commitIndex);
    metrics.set(memberMetrics.logIndex, ['applied'], status.appliedIndex);
    metrics.set(memberMetrics.logIndex, ['snapshot'], status.snapshotIndex);
    metrics.set(memberMetrics.logBytes, [], status.logBytes);
    for (const [peer, lag] of Object.entries(status.lag)) metrics.set(memberMetrics.lag, [peer], lag);
    for (const [peer, link] of Object.entries(status.links)) {
      metrics.set(memberMetrics.link, [peer], link === 'up' ? 1 : 0);
    }
    this.#measureLoad(status, usage);
  }

  #measureLoad(status: MemberStatus, usage: StoreUsage): void {
    const metrics = this.#metrics;
    metrics.set(memberMetrics.connections, [], status.connections);
    metrics.set(memberMetrics.sessions, [], status.sessions);
    metrics.set(memberMetrics.subscriptions, [], status.subscriptions);
    metrics.set(memberMetrics.retained, [], status.retained);
    metrics.set(memberMetrics.queuedMessages, [], status.queuedMessages);
    metrics.set(memberMetrics.queuedBytes, [], status.queuedBytes);
    metrics.set(memberMetrics.inFlight, [], status.inFlight);
    metrics.set(memberMetrics.outboxItems, [], status.outboxItems);
    metrics.set(memberMetrics.pending, [], status.pendingCommands);
    metrics.set(memberMetrics.digestsAgree, [], status.digestsAgree ? 1 : 0);
    metrics.set(memberMetrics.storeBytes, ['log'], usage.logBytes);
    metrics.set(memberMetrics.storeBytes, ['outbox'], usage.outboxBytes);
    metrics.add(memberMetrics.storeSyncs, [], usage.syncs - this.#syncs);
    this.#syncs = usage.syncs;
    metrics.set(memberMetrics.storeSyncSeconds, [], usage.lastSyncSeconds);
  }

  #onEvent(event: MemberEvent): void {
    const logger = this.#logger;
    const metrics = this.#metrics;
    switch (event.kind) {
      case 'state':
        logger.info({ state: event.state, reason: event.reason }, `member is ${event.state}`);
        return;
      case 'leader':
        metrics.add(memberMetrics.leaderChanges, []);
        logger.info({ leader: event.leader, term: event.term }, 'leader changed');
        return;
      case 'takeover':
        return metrics.add(memberMetrics.takeovers, []);
      case 'sessionOpened':
        return;
      case 'sessionEnded':
        return metrics.add(memberMetrics.sessionsEnded, []);
      case 'willFired':
        return metrics.add(memberMetrics.willsFired, [event.byHome ? 'home' : 'cluster']);
      case 'dropped':
        return metrics.add(memberMetrics.dropped, [event.reason], event.count);
      case 'degradedAcks':
        return metrics.add(memberMetrics.degradedAcks, [], event.count);
      case 'snapshot':
        metrics.add(memberMetrics.snapshots, [event.action]);
        logger.info({ index: event.index, bytes: event.bytes }, `snapshot ${event.action}`);
        return;
      case 'digestDiffers':
        metrics.add(memberMetrics.alarms, []);
        logger.error(
          { index: event.index, members: event.members },
          'peers hold another state at this index',
        );
        return;
      case 'configChanged':
        logger.info({ members: event.config.members }, 'members of the cluster changed');
        return;
      case 'configChange':
        logger.info({ accepted: event.accepted, reason: event.reason }, 'change of members');
        return;
      case 'alarm':
        metrics.add(memberMetrics.alarms, []);
        logger.error({}, event.text);
        return;
    }
  }
}
