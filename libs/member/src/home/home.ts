import type {
  Command,
  LiveMessage,
  MemberId,
  MemberStatus,
  Message,
  PublishResult,
  RefusalReason,
} from '@mqtt-cluster/contracts';
import type { CommandResult, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Peers } from '../cluster/peers.ts';
import type { PendingCommand } from '../log/pending-command.ts';
import type { PendingBatch, Proposer } from '../log/proposer.ts';
import { Acknowledgements } from './delivery/acknowledgements.ts';
import { ClientInputs } from './client-inputs.ts';
import type { Connection } from './connections/connection.ts';
import { Connections } from './connections/connections.ts';
import { ConnectionDraining } from './connections/connection-draining.ts';
import { Delivery, earlyKey } from './delivery/delivery.ts';
import { EarlyRefusals } from './early-refusals.ts';
import { Fanout } from './delivery/fanout.ts';
import { LocalQueues } from './delivery/local-queues.ts';
import { LiveForwarding } from './live/live-forwarding.ts';
import { SessionOpening } from './connections/session-opening.ts';
import { Takeovers } from './connections/takeovers.ts';
import { AckProgress } from './delivery/ack-progress.ts';
import type { PendingRequest } from './pending-request.ts';
import { Router } from './router.ts';
import { Subscriptions } from './subscriptions.ts';
import { MemberStateView } from '../view/state-view.ts';

/**
 * The home of a member's clients: turns their packets into commands and applied entries into answers and
 * deliveries.
 *
 * Each connection has a window: at most Receive Maximum unacknowledged messages. A message waits until the
 * window has room. It waits in one of two queues. The queue of a persistent session, and of shared
 * subscriptions, is part of the replicated state, so another home can continue it. The local queue of a clean
 * session exists only here and ends with the connection. `Delivery` pumps both queues into the window.
 * Acknowledgements of replicated items go back into the log as `progress` commands.
 *
 * Without a majority an isolated home delivers QoS 1 messages to its own clients early, before the cluster
 * has them. It keeps a key per early delivery, so that the session's queue does not deliver the message
 * again.
 */
export class Home {
  readonly live: LiveForwarding;
  readonly draining: ConnectionDraining;
  readonly inputs: ClientInputs;
  readonly view: MemberStateView;
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #router = new Router();
  readonly #queues: LocalQueues;
  readonly #connections: Connections;
  readonly #progress: AckProgress;
  readonly #delivery: Delivery;
  readonly #acknowledgements: Acknowledgements;
  readonly #subscriptions: Subscriptions;
  readonly #opening: SessionOpening;
  readonly #takeovers: Takeovers;
  readonly #fanout: Fanout;
  /** True when the entry that is being applied has changed users or rules. */
  #hasUsersChanged = false;

  constructor(context: MemberContext, proposer: Proposer, peers: Peers) {
    this.#context = context;
    this.#proposer = proposer;
    const router = this.#router;
    this.#queues = new LocalQueues(context.options.limits);
    const connections = (this.#connections = new Connections(context, router, this.#queues));
    this.view = new MemberStateView(context, { connections, router });
    const progress = (this.#progress = new AckProgress(context));
    const delivery = (this.#delivery = new Delivery(context, progress, this.#queues));
    this.#acknowledgements = new Acknowledgements(context, delivery, progress);
    this.live = new LiveForwarding(context, peers, router);
    const refusals = new EarlyRefusals(context);
    const { answers } = this.live;
    this.#subscriptions = new Subscriptions(context, { proposer, router, answers, refusals });
    const takeovers = (this.#takeovers = new Takeovers(context, { proposer, peers }));
    const parts = { proposer, connections, router, delivery, progress, takeovers, refusals };
    this.#opening = new SessionOpening(context, parts);
    this.draining = new ConnectionDraining(context, {
      proposer,
      connections,
      opening: this.#opening,
      takeovers,
    });
    this.#fanout = new Fanout(context, { router, connections, delivery, live: this.live });
    this.inputs = new ClientInputs(context, {
      proposer,
      connections,
      delivery,
      acknowledgements: this.#acknowledgements,
      subscriptions: this.#subscriptions,
      opening: this.#opening,
      fanout: this.#fanout,
      refusals,
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Returns sums over all connections. */
  sums(): ReturnType<Connections['sums']> {
    return this.#connections.sums();
  }

  /** Returns the memory of the state that only this home holds, with its bounds, bytes. */
  bytes(): MemberStatus['homeBytes'] {
    const { homeSubscriptionBytesMax, homeQueueBytesMax } = this.#context.options.limits;
    return {
      subscriptions: { bytes: this.#router.bytes, max: homeSubscriptionBytesMax },
      queues: { bytes: this.#queues.bytes, max: homeQueueBytesMax },
    };
  }

  /** Returns the publishes that wait for a majority, by QoS. */
  heldPublishes(): [number, number, number] {
    if (!this.#context.isolated) return [0, 0, 0];
    const proposed = this.#proposer.countWaitingPublishes();
    const deferred = this.#connections.deferredPublishes();
    return [proposed[0] + deferred[0], proposed[1] + deferred[1], proposed[2] + deferred[2]];
  }

  /** Reports the first delivery of this message to `measures`. */
  sample(message: Message, receivedMs: number): void {
    this.#delivery.sample(message, receivedMs);
  }

  publishLocal(message: Message): void {
    this.#fanout.local(message);
  }

  onLive(from: MemberId, live: LiveMessage): void {
    this.#fanout.live(from, live);
  }

  // ---- applied entries ----

  /** Called after the effects of each applied entry. */
  entryApplied(): void {
    if (this.#hasUsersChanged) {
      this.#hasUsersChanged = false;
      this.#opening.closeInvalid();
    }
    this.#fanout.releaseLive();
  }

  onEffect(effect: StateEffect, batch: PendingBatch | undefined): void {
    switch (effect.kind) {
      case 'published':
        if (batch?.commands[effect.command]?.deliveredEarly !== true) this.#fanout.published(effect.message);
        return;
      case 'queued': {
        const connection = this.#connections.ofClient(effect.client);
        if (connection !== undefined && connection.epoch !== 0) this.#delivery.pump(connection);
        return;
      }
      case 'outgoingReceived': {
        const connection = this.#connections.ofClient(effect.client);
        if (connection !== undefined) this.#acknowledgements.received(connection, effect.packetIds);
        return;
      }
      case 'outgoingCompleted': {
        const connection = this.#connections.ofClient(effect.client);
        if (connection !== undefined && connection.expiredItem > 0) this.#delivery.pump(connection);
        return;
      }
      case 'connectionEnded': {
        const { id, recovered } = this.#context.options;
        if (effect.home === id && effect.incarnation === recovered.incarnation)
          this.#onConnectionEnded(effect);
        return;
      }
      case 'accessChanged':
        this.#hasUsersChanged = true;
        return;
      case 'takeoverSettled':
        return this.#takeovers.settled(effect);
      default:
        return;
    }
  }

  /**
   * Answers the client of an applied command, unless the client already has its answer.
   * @param laterRetained retained messages of the same entry that are newer than the command
   */
  answer(pending: PendingCommand, result: CommandResult, laterRetained?: ReadonlySet<Message>): void {
    const { request, command } = pending;
    if (request === null || request.kind === 'recover') return;
    if (request.kind === 'access') return request.done(result);
    if (request.kind === 'duty') return request.done();
    if (request.kind === 'progress') return this.#continueRetained(request.connections);
    const { connection } = request;
    if (request.kind === 'open') this.#opening.answer(connection, result);
    else if (connection.phase === 'open') {
      if (result.kind === 'void') this.#connections.close(connection, 'takenOver');
      else if (!pending.answered) this.#answer(connection, pending, request, result, laterRetained);
    }
    if (request.kind === 'publish') this.inputs.publishAnswered(connection, request.number);
    if (command.kind === 'publish') this.inputs.publishApplied(connection, command.message);
  }

  /**
   * Acknowledges the QoS 1 publishes of a batch that only this member's disk holds, and delivers them to its
   * own clients (docs/DESIGN.md, "Loss of quorum").
   */
  answerDegraded(batch: PendingBatch): number {
    let count = 0;
    const { incarnation } = this.#context.options.recovered;
    batch.commands.forEach((pending, position) => {
      const { command, request } = pending;
      if (command.kind !== 'publish' || command.message.qos !== 1 || pending.answered) return;
      pending.answered = true;
      pending.deliveredEarly = true;
      this.#fanout.early(command.message, earlyKey(incarnation, batch.sequence, position));
      if (request?.kind !== 'publish' || request.connection.phase !== 'open') return;
      count++;
      const { connection, packetId, number } = request;
      this.#context.effects.push({
        kind: 'puback',
        connection: connection.id,
        packetId,
        result: 'ok',
        degraded: true,
      });
      this.inputs.publishAnswered(connection, number);
    });
    return count;
  }

  onIsolated(accept: boolean): void {
    this.#opening.onIsolated(accept);
    this.inputs.onIsolated();
  }

  /**
   * Disconnects all clients after a snapshot replaced the state, because the home's view of their sessions is
   * outdated. Closes the sessions that the new state holds as connected here.
   */
  onRestored(): void {
    this.#progress.clear();
    this.#opening.dropMoved();
    this.#takeovers.clear();
    this.inputs.onRestored();
    this.disconnectAll('snapshotInstalled');
  }

  /** Disconnects all clients without publishing wills, and proposes to close their sessions gracefully. */
  disconnectAll(reason: RefusalReason): void {
    this.closeAll(reason);
    const { id, recovered } = this.#context.options;
    for (const { client, epoch, home } of [...this.#context.state.connectedSessions(id)]) {
      if (home?.incarnation === recovered.incarnation) {
        this.#proposer.add({ kind: 'close', client, epoch, graceful: true });
      }
    }
  }

  /** Closes all connections without a proposal. */
  closeAll(reason: RefusalReason): void {
    for (const connection of this.#connections.all()) {
      if (connection.phase === 'opening') this.#opening.abandon(connection, reason);
      else this.#connections.close(connection, reason);
    }
  }

  /** Ends the turn. @returns true when the next turn can deliver more at once */
  endTurn(): boolean {
    return this.#delivery.endTurn();
  }

  flush(): void {
    this.#delivery.pumpWaiting();
    this.#opening.expireMoved();
    this.#takeovers.flush();
    const progress = this.#progress.takeDue(this.#proposer.hasPending);
    if (progress !== null) {
      const { command, continuing } = progress;
      const request =
        continuing.length === 0 ? null : ({ kind: 'progress', connections: continuing } as const);
      this.#proposer.add(command, request);
    }
    this.#fanout.releaseLive();
    this.#delivery.takeDrops();
    this.live.flush();
  }

  // ---- answers ----

  #answer(
    connection: Connection,
    { command }: PendingCommand,
    request: Exclude<PendingRequest, { kind: 'open' | 'access' | 'duty' | 'progress' | 'recover' }>,
    result: CommandResult,
    laterRetained: ReadonlySet<Message> | undefined,
  ): void {
    const { effects } = this.#context;
    const id = connection.id;
    switch (request.kind) {
      case 'publish': {
        if (request.qos === 0) return;
        const kind = request.qos === 1 ? 'puback' : 'pubrec';
        const answer = this.#publishResult(connection, command, result);
        effects.push({ kind, connection: id, packetId: request.packetId, result: answer });
        return;
      }
      case 'release':
        effects.push({ kind: 'pubcomp', connection: id, packetId: request.packetId });
        return;
      case 'subscribe': {
        if (result.kind !== 'subscribed') return;
        const granted = this.#subscriptions.subscribed(connection, request, result);
        this.#fanout.retained(connection, request.subscriptions, granted, laterRetained);
        return;
      }
      case 'unsubscribe':
        if (result.kind === 'unsubscribed') this.#subscriptions.unsubscribed(connection, request, result);
        return;
    }
  }

  #publishResult(connection: Connection, command: Command, result: CommandResult): PublishResult {
    if (result.kind !== 'published') return 'ok';
    if (result.outcome === 'quotaExceeded') return 'quotaExceeded';
    const asks = result.unmatched === true && connection.request.reportsNoSubscribers === true;
    if (!asks || command.kind !== 'publish') return 'ok';
    const { topic } = command.message;
    return this.#router.matchesTopic(topic) || this.live.mayMatch(topic) ? 'ok' : 'noSubscribers';
  }

  #continueRetained(connections: readonly Connection[]): void {
    this.#progress.continued(connections);
    for (const connection of connections) this.#delivery.pump(connection);
  }

  // ---- endings ----

  #onConnectionEnded(effect: Extract<StateEffect, { kind: 'connectionEnded' }>): void {
    const waiting = this.#takeovers.ended(effect);
    if (waiting?.phase === 'opening')
      return this.#connections.refuse(waiting, effect.reason === 'closed' ? 'takenOver' : effect.reason);
    if (waiting?.phase === 'gone') waiting.runDeferred();
    const connection = this.#connections.ofClient(effect.client);
    if (connection?.epoch !== effect.epoch) return this.#opening.onTakenOver(effect);
    if (effect.reason === 'closed') return;
    if (effect.reason === 'homeLost') return this.#opening.onHomeLost(connection);
    if (effect.reason === 'notAuthorized') return this.#opening.closeReported(connection, 'notAuthorized');
    const { drainingSinceMs } = connection;
    this.#takeovers.report(effect.client, effect.epoch, drainingSinceMs === null ? 'open' : 'moved');
    this.#context.events.push({ kind: 'takeover', client: effect.client });
    this.#opening.closeReported(connection, 'takenOver');
  }
}
