import { accessSemantics, isBoundedAccess } from '@mqtt-cluster/contracts';
import type {
  ClientId,
  ConnectionId,
  ConnectRequest,
  Disconnection,
  Epoch,
  RefusalReason,
  ServingState,
} from '@mqtt-cluster/contracts';
import { isValidUser, parseSharedFilter } from '@mqtt-cluster/mqtt-state';
import type { CommandResult } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Proposer } from '../../log/proposer.ts';
import { Connection } from './connection.ts';
import { endOfUnanswered } from './unanswered-connection.ts';
import type { DeferredPacket } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { AckProgress } from '../delivery/ack-progress.ts';
import type { Router } from '../router.ts';
import type { EarlyRefusals } from '../early-refusals.ts';
import type { Takeovers } from './takeovers.ts';

/** Upper bound of the packets of one connection that wait for its epoch while the cluster has no majority. */
const deferredMax = 1_000;
/** Upper bound of the payloads and filters of these packets, bytes. The last packet can exceed it. */
const deferredBytesMax = 4 * 1024 * 1024;
/**
 * Upper bound of the packets of one connection that wait for its CONNACK. More packets than this do not fit
 * into one read of the socket, which is all that the broker passes on before CONNACK.
 */
const earlyPacketsMax = 16_384;

/**
 * Deadline for a moved client with a will to reconnect elsewhere. After the deadline the client is treated as
 * dead, because it may have died just before the redirect. A lower value publishes wills of slow clients; a
 * higher value breaks the five seconds of P6.
 */
const movedMsMax = 4_000;

/**
 * Opens and ends sessions: epochs, takeover, and connections without a majority (docs/DESIGN.md, "Epochs" and
 * "Loss of quorum").
 */
export class SessionOpening {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #connections: Connections;
  readonly #router: Router;
  readonly #delivery: Delivery;
  readonly #progress: AckProgress;
  readonly #takeovers: Takeovers;
  readonly #refusals: EarlyRefusals;
  /** Moved clients in the order of their deadlines. */
  #moved: { readonly client: ClientId; readonly epoch: Epoch; readonly untilMs: number }[] = [];

  constructor(
    context: MemberContext,
    parts: {
      proposer: Proposer;
      connections: Connections;
      router: Router;
      delivery: Delivery;
      progress: AckProgress;
      takeovers: Takeovers;
      refusals: EarlyRefusals;
    },
  ) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#connections = parts.connections;
    this.#router = parts.router;
    this.#delivery = parts.delivery;
    this.#progress = parts.progress;
    this.#takeovers = parts.takeovers;
    this.#refusals = parts.refusals;
  }

  connect(id: ConnectionId, request: ConnectRequest, serving: ServingState): void {
    const { options, nowMs } = this.#context;
    const connection = new Connection(id, request, options.limits.inFlightMax, nowMs);
    this.#connections.add(connection);
    if (request.access !== undefined && !isBoundedAccess(request.access))
      return this.#connections.refuse(connection, 'notAuthorized');
    if (serving === 'joining') return this.#connections.refuse(connection, 'notServing');
    if (serving === 'draining') return this.#connections.refuse(connection, 'draining');
    const isolated = serving === 'isolated';
    if (isolated && !this.#mayServeIsolated(connection))
      return this.#connections.refuse(connection, 'isolated');
    if (this.#refusals.refusesWill(request)) return this.#connections.refuse(connection, 'quotaExceeded');
    const former = this.#connections.ofClient(request.client);
    if (former !== undefined) {
      if (isolated) this.#leave(former, { graceful: false });
      // The cluster refuses any other client, and the former connection continues.
      else if (this.#isKnown(connection)) this.#reportProgress(former);
    }
    this.#propose(connection, isolated);
    if (isolated) this.#connections.admit(connection, false);
    else this.#announce(connection);
  }

  disconnect(id: ConnectionId, how: Disconnection): void {
    const connection = this.#connections.get(id);
    if (connection === undefined) return;
    if (connection.phase === 'opening') this.#proposer.markOpenAbandoned();
    this.#connections.remove(connection);
    this.#leave(connection, how);
  }

  /** Closes a connection for a reason that the server gives to the client. */
  end(connection: Connection, reason: RefusalReason, graceful: boolean): void {
    this.#leave(connection, { graceful });
    this.#connections.close(connection, reason);
  }

  /**
   * Redirects a client to another member. Without a will its session is closed here. With a will the session
   * stays open in the replicated state until the client reconnects at another member or the deadline has
   * passed. The will is deleted if the client reconnects before the deadline.
   */
  move(connection: Connection, reason: RefusalReason): void {
    const { client, epoch } = connection;
    if (epoch === 0 || connection.request.will === undefined || connection.willFired)
      return this.end(connection, reason, true);
    this.#reportProgress(connection);
    this.#moved.push({ client, epoch, untilMs: this.#context.nowMs + movedMsMax });
    this.#connections.close(connection, reason);
  }

  /** Redirected clients that have not reconnected by the deadline are treated as dead. Called once a turn. */
  expireMoved(): void {
    const { nowMs, state } = this.#context;
    for (;;) {
      const first = this.#moved[0];
      if (first === undefined) return;
      const { client, epoch, untilMs } = first;
      const session = state.session(client);
      const isAway = session?.epoch === epoch && session.home !== null;
      if (isAway && nowMs < untilMs) return;
      this.#moved.shift();
      if (isAway) this.#proposer.add({ kind: 'close', client, epoch, graceful: false });
    }
  }

  /** Reports the end of a moved client's connection that the client's next connection has taken over. */
  onTakenOver({ client, epoch }: { readonly client: ClientId; readonly epoch: Epoch }): void {
    const isMoved = this.#moved.some((moved) => moved.client === client && moved.epoch === epoch);
    if (isMoved) this.#takeovers.report(client, epoch, 'moved');
  }

  /**
   * True while at least one moved client has not reconnected and its deadline has not passed. Only this home
   * stores the deadline.
   */
  get awaitsMoved(): boolean {
    return this.#moved.length > 0;
  }

  /**
   * Drops the moved clients after a snapshot replaced the state. `Home.disconnectAll` closes their sessions.
   */
  dropMoved(): void {
    this.#moved = [];
  }

  /** Rejects a connection that is still opening. */
  abandon(connection: Connection, reason: RefusalReason): void {
    this.#proposer.markOpenAbandoned();
    this.#connections.refuse(connection, reason);
  }

  /** Answers CONNECT with the result of the `open` command. */
  answer(connection: Connection, result: CommandResult): void {
    if (result.kind === 'refused') {
      const reason = result.reason === 'elsewhere' ? 'takenOver' : result.reason;
      if (connection.phase === 'open') this.#connections.close(connection, reason);
      else this.#refuse(connection, reason);
    } else if (result.kind === 'opened') this.#opened(connection, result);
  }

  /**
   * Rejects a connection that the cluster has refused, unless its client has left. The connection of the client that
   * it would have replaced receives messages again, and its final report is withdrawn.
   */
  #refuse(connection: Connection, reason: RefusalReason): void {
    if (connection.phase === 'opening') this.#connections.refuse(connection, reason);
    const { client } = connection;
    const former = this.#connections.ofClient(client);
    if (former?.reported !== true || this.#connections.isOpening(client)) return;
    former.reported = false;
    // Item numbers start at 1, so 0 stands for no report.
    const sessions = [{ client, epoch: former.epoch, sentBelow: 0 }];
    this.#proposer.add({ kind: 'progress', sessions });
    this.#delivery.pump(former);
  }

  /** Admits or rejects the opening connections when this member has become isolated. */
  onIsolated(accept: boolean): void {
    this.#proposer.markOpenAbandoned();
    for (const connection of this.#connections.all()) {
      if (connection.phase !== 'opening') continue;
      if (accept && this.#mayServeIsolated(connection)) {
        this.#connections.admit(connection, false);
        connection.runDeferred();
      } else this.abandon(connection, 'isolated');
    }
  }

  /**
   * Handles a connection of a home that the cluster declared lost while the client stayed connected. A clean
   * session is opened again, unless the client has reconnected elsewhere. A session with replicated state
   * (persistent, or with shared subscriptions) is closed, because its state has changed. The will of the
   * connection has already been published and is not published again.
   */
  onHomeLost(connection: Connection): void {
    if (!connection.clean || !connection.request.clean || connection.shares)
      return this.closeReported(connection, 'homeLost');
    connection.epoch = 0;
    connection.willFired = true;
    this.#propose(connection, true);
  }

  /**
   * Closes the connections of users of the cluster that were deleted or disabled. The state has ended the
   * connections that it knows by their users. The others were opened before `accessSemantics` was in force here,
   * or without a majority.
   */
  closeInvalid(): void {
    const { access: table } = this.#context.state;
    for (const connection of this.#connections.all()) {
      const { access } = connection.request;
      if (connection.phase === 'open' && access !== undefined && !isValidUser(table, access))
        this.end(connection, 'notAuthorized', true);
    }
  }

  whenEpoch(connection: Connection, needed: boolean, packet: DeferredPacket): void {
    if (!needed || connection.epoch !== 0) packet.act();
    else if (connection.deferred.length < deferredMax && connection.deferredBytes < deferredBytesMax)
      defer(connection, packet);
    else this.end(connection, 'isolated', false);
  }

  /**
   * Keeps a packet that arrived before CONNACK. It is handled when the session is open, also when its client
   * has left by then, and discarded when the `open` is refused [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6].
   */
  deferEarly(connection: Connection, packet: DeferredPacket): void {
    if (connection.deferred.length < earlyPacketsMax && connection.deferredBytes < deferredBytesMax)
      defer(connection, packet);
    else this.#context.events.push({ kind: 'dropped', reason: 'noMajority', count: 1, counts: true });
  }

  #propose(connection: Connection, adopt: boolean): void {
    const { client, clean, sessionExpirySeconds: expirySeconds, will, access } = connection.request;
    const { receiveMaximum } = connection;
    const { semantics } = this.#context.state;
    const isNewer = semantics >= accessSemantics;
    const user = access !== undefined && isNewer ? { access } : {};
    const isOpenHere = this.#connections.ofClient(client) !== undefined;
    const lacksReport = isNewer && this.#takeovers.lacksReport(client, isOpenHere);
    const report = lacksReport ? { noReport: true } : {};
    const command = {
      kind: 'open' as const,
      client,
      clean,
      expirySeconds,
      receiveMaximum,
      ...user,
      ...report,
    };
    const withWill = will === undefined || connection.willFired ? command : { ...command, will };
    this.#proposer.add(adopt ? { ...withWill, adopt } : withWill, { kind: 'open', connection });
  }

  /**
   * Announces the interest of a resumed session together with its `open`, so that the peers have it before
   * CONNACK in all but rare cases. CONNACK does not wait for their answers.
   */
  #announce(connection: Connection): void {
    if (connection.request.clean) return;
    const session = this.#context.state.session(connection.client);
    for (const filter of session?.subscriptions.keys() ?? [])
      if (parseSharedFilter(filter) === null) this.#router.announce(connection, filter);
  }

  #mayServeIsolated(connection: Connection): boolean {
    return (
      this.#context.acceptsIsolated &&
      connection.clean &&
      connection.request.clean &&
      this.#isKnown(connection)
    );
  }

  /**
   * Returns whether, as far as this member knows, the client's user is valid and may have the session. The
   * cluster decides when the member has a majority again, see `adopt`.
   */
  #isKnown({ client, request }: Connection): boolean {
    const { state } = this.#context;
    const { access } = request;
    if (access !== undefined && !isValidUser(state.access, access)) return false;
    const owner = state.session(client)?.owner ?? null;
    return owner === null || owner === access?.user;
  }

  #opened(connection: Connection, opened: Extract<CommandResult, { kind: 'opened' }>): void {
    const { epoch } = opened;
    connection.epoch = epoch;
    // A later open in the same batch may already have taken over the session.
    const session = this.#context.state.session(connection.client);
    const current = session?.epoch === epoch && session.home !== null;
    const takesOver = current && session.takenOver !== null;
    const hasEnded = this.#takeovers.hasEndedAtOnce(connection.client, epoch);
    const sessionPresent = opened.sessionPresent && !hasEnded;
    if (takesOver) this.#takeovers.begin(connection, (ended) => this.#settled(connection, opened, ended));
    if (!current && session?.takenOver?.epoch === epoch) {
      // The connection was taken over before its CONNACK, or before its isolated home had an epoch for it.
      const isOpen = connection.phase === 'open';
      this.#proposeClose(
        connection,
        isOpen ? { graceful: false } : endOfUnanswered(connection, sessionPresent),
      );
    }
    if (connection.phase === 'gone') {
      if (current && !takesOver) this.#closeGone(connection, sessionPresent);
      // Another connection of the client has taken over: only the session is void, not the messages.
      else if (!current) connection.runDeferred();
      return;
    }
    if (!current) return this.answer(connection, { kind: 'refused', reason: 'elsewhere' });
    if (connection.phase === 'opening' && takesOver) return;
    this.#admit(connection, { ...opened, sessionPresent });
  }

  /** The report about the connection that this connection has taken over is applied. */
  #settled(
    connection: Connection,
    opened: Extract<CommandResult, { kind: 'opened' }>,
    sessionEnded: boolean,
  ): void {
    if (connection.phase === 'gone') this.#closeGone(connection, opened.sessionPresent && !sessionEnded);
    else if (connection.phase === 'opening')
      this.#admit(connection, sessionEnded ? { ...opened, sessionPresent: false } : opened);
  }

  /** Handles the packets of a connection that was closed before the cluster answered, and closes its session. */
  #closeGone(connection: Connection, sessionPresent: boolean): void {
    const how = endOfUnanswered(connection, sessionPresent);
    connection.runDeferred();
    this.#proposeClose(connection, how);
  }

  #admit(connection: Connection, opened: Extract<CommandResult, { kind: 'opened' }>): void {
    if (connection.phase === 'opening') this.#welcome(connection, opened);
    connection.runDeferred();
    this.#delivery.pump(connection);
  }

  #welcome(
    connection: Connection,
    { sessionPresent, expirySeconds }: Extract<CommandResult, { kind: 'opened' }>,
  ): void {
    connection.clean &&= !sessionPresent;
    const isGranted = expirySeconds === connection.request.sessionExpirySeconds;
    this.#connections.admit(connection, sessionPresent, isGranted ? undefined : expirySeconds);
    const session = this.#context.state.session(connection.client)!;
    for (const subscription of session.subscriptions.values()) {
      if (parseSharedFilter(subscription.filter) === null) this.#router.add(connection, subscription);
    }
    this.#router.retractAll(connection);
    connection.startPacketIds(session.epoch);
  }

  /** Closes a connection that the cluster has already ended. */
  closeReported(connection: Connection, reason: RefusalReason): void {
    this.#reportProgress(connection);
    this.#connections.close(connection, reason);
  }

  /**
   * Proposes the last acknowledgements of a connection, and the final report of the items that were sent to
   * it. The connection then gets no more items.
   */
  #reportProgress(connection: Connection): void {
    if (connection.epoch === 0 || connection.reported) return;
    const progress = this.#progress.takeLast(connection);
    if (progress !== null) this.#proposer.add(progress);
  }

  #leave(connection: Connection, how: Disconnection): void {
    if (connection.epoch === 0 || this.#takeovers.isPending(connection)) connection.left = how;
    else this.#proposeClose(connection, how);
  }

  #proposeClose(connection: Connection, how: Disconnection): void {
    const { client, epoch } = connection;
    this.#reportProgress(connection);
    const expiry = how.sessionExpirySeconds === undefined ? {} : { expirySeconds: how.sessionExpirySeconds };
    this.#proposer.add({ kind: 'close', client, epoch, graceful: how.graceful, ...expiry });
  }
}

function defer(connection: Connection, packet: DeferredPacket): void {
  connection.deferred.push(packet);
  connection.deferredBytes += packet.bytes ?? 0;
}
