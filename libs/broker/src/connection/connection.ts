/**
 * The guard of one client, between its socket, Aedes and the member.
 *
 * Aedes alone handles the packets of one read concurrently and cannot wait for the replicated log. The guard
 * decodes each packet once and strictly, handles packets in order, and decides which component gets them:
 *
 * - CONNECT: {@link Handshake}, which involves Aedes and the member.
 * - PINGREQ: answered here. The sweep of each second checks the keep-alive.
 * - PUBLISH, acknowledgements, SUBSCRIBE, UNSUBSCRIBE: {@link Inbound}, which passes them to the member.
 * - DISCONNECT and all other ends of a connection: {@link Lifecycle}.
 *
 * Effects of the member return through `onEffect` to {@link Outbound} and the {@link SocketWriter}.
 */
import type { Duplex } from 'node:stream';
import type { ClientEffect, ClientId, ConnectionId, Epoch } from '@mqtt-cluster/contracts';
import { UnsupportedProtocolError } from '../codec/decode-connect.ts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import { decodeDisconnect } from '../codec/decode-packets.ts';
import { pingresp } from '../codec/encode-control.ts';
import { FrameReader } from '../codec/frame-reader.ts';
import { malformed, PacketError, PacketTooLargeError, protocolError } from '../codec/packet-error.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import type { BrokerContext } from '../context.ts';
import type { ConnectionOrigin } from '../listeners/options.ts';
import type { LostRight } from './client-access.ts';
import { applyEffect } from './effects.ts';
import type { OpenEffect } from './effects.ts';
import type { ConnectionInfo } from './connection-info.ts';
import type { Departed } from './departed-certificates.ts';
import { Handshake } from './handshake.ts';
import { Lifecycle } from './lifecycle.ts';
import type { ConnectionEnd } from './lifecycle.ts';
import { LimitedClient } from './limited-client.ts';
import { OpenClient } from './open-client.ts';
import { pauseReasons, ReadGate } from '../flow-control/read-gate.ts';
import { ReceiveProgress } from '../flow-control/receive-progress.ts';
import { disconnectLabelOfCode } from './reasons.ts';
import { ConnectionTap } from '../trace/connection-tap.ts';
import type { PacketBytes } from '../trace/describe-packet.ts';
import { SocketWriter } from '../flow-control/socket-writer.ts';

const connectType = 1;
const pingreqType = 12;
const disconnectType = 14;

/** Keep-alives without a packet after which the server closes the connection [MQTT-3.1.2-24]. */
const keepAliveFactor = 1.5;

const lostRightTexts: Readonly<Record<LostRight, string>> = {
  user: 'the user of the client may no longer connect',
  will: 'the client may no longer publish its will',
  subscription: 'the client may no longer have one of its subscriptions',
};

/** Receives the beginning and the end of each client. */
export interface ConnectionEvents {
  /** The client is connected. */
  onOpen(connection: Connection): void;
  /** The connection ended. `previous` is the phase before the end. */
  onEnded(connection: Connection, previous: Lifecycle['phase'], end: ConnectionEnd): void;
}

export class Connection {
  readonly #context: BrokerContext;
  readonly #events: ConnectionEvents;
  readonly #frames: FrameReader;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #lifecycle: Lifecycle;
  readonly #limited: LimitedClient;
  readonly #progress: ReceiveProgress;
  /** True after the first byte. */
  #started = false;
  /** Whole packets that the current read completed. */
  #completed = 0;
  /** When the last packet, or enough of one, has arrived (monotonic ms). */
  #aliveAtMs = 0;
  /** From CONNECT until the client is connected. */
  #handshake: Handshake | null = null;
  /** CONNECT, from the connect request to the member until the client is connected. */
  #connectPacket: ConnectPacket | null = null;
  #socketClosed = false;
  /** The epoch that CONNACK had. 0 before it, and if an isolated member has accepted the client. */
  #epoch: Epoch = 0;
  /** Null until the client is connected. */
  #open: OpenClient | null = null;
  /** True if the broker flushes this connection at the end of the turn. */
  flushPending = false;

  constructor(
    id: ConnectionId,
    socket: Duplex,
    origin: ConnectionOrigin,
    context: BrokerContext,
    events: ConnectionEvents,
  ) {
    const { limits, counters } = context;
    this.#context = context;
    this.#events = events;
    this.#progress = new ReceiveProgress(limits.packetBytesPerSecondMin);
    this.#frames = new FrameReader(limits.packetBytesMax, this);
    this.#gate = new ReadGate(socket, this.#frames, this);
    this.#writer = new SocketWriter(socket, limits.outgoingBytesMax, counters, this);
    this.#lifecycle = new Lifecycle(id, origin, socket, this.#gate, this.#writer, context, this);
    this.#limited = new LimitedClient({
      lifecycle: this.#lifecycle,
      frames: this.#frames,
      gate: this.#gate,
      writer: this.#writer,
      context,
    });
    this.updateTap();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#onSocketError(error));
    socket.on('close', () => this.#onSocketClosed());
  }

  get id(): ConnectionId {
    return this.#lifecycle.id;
  }

  /** Applies an effect of the member. The broker flushes the connection after the last effect of a turn. */
  onEffect(effect: ClientEffect): void {
    switch (effect.kind) {
      case 'connack':
        this.#epoch = effect.epoch;
        return this.#handshake?.onMemberAcceptance(effect);
      case 'refuse':
        if (effect.reason === 'quotaExceeded') this.#context.clientLimits.report('sessions', this.#limited);
        return this.#lifecycle.onMemberRefusal(effect.reason);
      case 'close':
        return this.#lifecycle.onMemberClose(effect.reason);
      default:
        return this.#onOpenEffect(effect);
    }
  }

  get client(): ClientId {
    return this.#lifecycle.client;
  }

  /** Returns null if the client is not connected. */
  describe(): ConnectionInfo | null {
    return this.#open?.describe() ?? null;
  }

  /** Passes the packets to the running traces, if one of them may concern this connection. */
  updateTap(): void {
    const { client, address } = this.#lifecycle;
    const { traces } = this.#context;
    this.#writer.tap = traces.concern(client, address) ? new ConnectionTap(this.#lifecycle, traces) : null;
  }

  /** Closes the connection because an operator demands it. */
  disconnectByOperator(): void {
    this.#lifecycle.disconnectByOperator();
  }

  /** Returns the certificate that accepted the client if its will waits now, after the connection has ended; else null. */
  departed(nowMs: number): Departed | null {
    const { client, origin, access } = this.#lifecycle;
    const { certificateChain: chain, listener } = origin;
    const { source, user } = access?.subject.identity ?? {};
    const delaySeconds = access?.willDelaySeconds ?? 0;
    if (chain === undefined || source !== 'certificate' || user === undefined || delaySeconds === 0)
      return null;
    const untilMs = nowMs + delaySeconds * 1_000;
    return { client, user, epoch: this.#epoch, listener, chain, untilMs };
  }

  /** Closes the connection because the certificate of the client has been revoked. */
  disconnectRevoked(): void {
    // As for a user that may no longer connect: the client must not publish its will by being disconnected.
    this.#lifecycle.fail(
      reasonCodes.notAuthorized,
      'not_authorized',
      'the certificate of the client is revoked',
      {
        graceful: true,
      },
    );
  }

  flush(): void {
    this.#writer.flush();
  }

  /** Closes the connection if it exceeds a time limit. */
  sweep(nowMs: number): void {
    this.#lifecycle.sweep(nowMs);
    this.#limited.sweep();
    this.#open?.inbound.countUnanswered();
    if (this.#lifecycle.access?.hasExpired(Date.now()) === true) {
      // A right that the client has lost decides about its will, whichever of both is noticed first.
      this.checkAccess();
      this.#lifecycle.fail(
        reasonCodes.notAuthorized,
        'not_authorized',
        'the token of the client has expired',
        // The rights of the token are not withdrawn: its will was permitted at CONNECT, and it is published.
        { graceful: this.#lifecycle.phase !== 'open' },
      );
    }
    if (this.#gate.isPaused) {
      // The guard does not read the socket, so the silence of the client proves nothing.
      this.#aliveAtMs = nowMs;
      this.#progress.restart(nowMs);
    } else if (this.#hasTimedOut(nowMs)) {
      this.#lifecycle.fail(reasonCodes.keepAliveTimeout, 'keep_alive', 'the keep-alive timed out');
    } else if (
      this.#frames.waitingBytes > 0 &&
      this.#progress.stalledMs(nowMs) > this.#context.limits.incompletePacketMsMax
    ) {
      this.#lifecycle.fail(
        reasonCodes.implementationSpecificError,
        'keep_alive',
        'the client did not complete a packet in time',
      );
    }
  }

  /** Closes the connection if the client has lost a right that it uses. */
  checkAccess(): void {
    const { access } = this.#lifecycle;
    if (access === null || this.#lifecycle.phase !== 'open') return;
    const lost = access.lostRight();
    if (lost === null) return;
    this.#context.refusals.report('connection', access.subject, { lost });
    // A client without rights, or without the right to its will, must not publish the will by being disconnected.
    this.#lifecycle.fail(reasonCodes.notAuthorized, 'not_authorized', lostRightTexts[lost], {
      graceful: lost !== 'subscription',
    });
  }

  /** Closes the connection because the broker stops. */
  shutDown(): void {
    this.#lifecycle.shutDown();
  }

  #onOpenEffect(effect: OpenEffect): void {
    const { phase } = this.#lifecycle;
    if (phase === 'connecting') this.#handshake?.defer(effect);
    else if (phase === 'open' && this.#open !== null) applyEffect(effect, this.#open);
  }

  #onData(chunk: Buffer): void {
    if (this.#lifecycle.phase === 'ended') return;
    this.#context.counters.bytesReceived += chunk.length;
    this.#completed = 0;
    this.#limited.isActive = true;
    this.runGuarded(() => {
      this.#checkStart(chunk);
      this.#frames.push(chunk);
    });
    this.#limited.countUnfinished();
    this.#restartKeepAlive(chunk.length);
    this.#writer.flush();
  }

  /** Rejects another protocol at its first byte. Its further bytes might look like the start of a long packet. */
  #checkStart(chunk: Buffer): void {
    if (this.#started) return;
    this.#started = true;
    if (chunk[0]! >> 4 !== connectType) throw protocolError('the first packet is not CONNECT'); // [MQTT-3.1.0-1]
  }

  #restartKeepAlive(bytes: number): void {
    const nowMs = performance.now();
    if (this.#completed > 0) this.#progress.onPacket();
    else if (!this.#progress.onPart(bytes, nowMs)) return;
    this.#aliveAtMs = nowMs;
  }

  #onRequested(packet: ConnectPacket): void {
    this.#connectPacket = packet;
    if (this.#socketClosed) this.#onSocketClosed();
  }

  /**
   * Handles the packets that the client sent before it closed the socket, and then the end of the connection. A
   * client need not wait for CONNACK (3.1.1: 3.1.4; 5.0: 3.1.4): all its packets may arrive in the segment of
   * its CONNECT. The member handles them after it has opened the session.
   */
  #onSocketClosed(): void {
    this.#socketClosed = true;
    const { phase } = this.#lifecycle;
    // The authentication decides whether any packet is handled.
    if (phase === 'connecting' && this.#connectPacket === null) return;
    if (phase === 'connecting' || phase === 'open') this.#handleReceived();
    this.#lifecycle.onSocketClosed();
  }

  #handleReceived(): void {
    this.runGuarded(() => {
      if (this.#open === null && this.#connectPacket !== null) this.#openClient(this.#connectPacket);
      this.#gate.drain();
      this.#open?.inbound.onDisconnect();
    });
  }

  #onSocketError(error: Error): void {
    const { id, address } = this.#lifecycle;
    this.#context.logger.debug(
      { connection: id, address, error: error.message },
      'Socket of a client failed',
    );
  }

  /** Whether the client has sent too little for its keep-alive [MQTT-3.1.2-24]. */
  #hasTimedOut(nowMs: number): boolean {
    const seconds = this.#open?.keepAliveSeconds ?? 0;
    return seconds > 0 && nowMs - this.#aliveAtMs > seconds * 1_000 * keepAliveFactor;
  }

  // Called by the parts of the connection.

  onConnecting(): void {
    this.#limited.onConnecting();
  }

  onOpen(): void {
    this.#events.onOpen(this);
  }

  onEnded(previous: Lifecycle['phase'], end: ConnectionEnd): void {
    this.#limited.onEnded();
    this.#events.onEnded(this, previous, end);
  }

  onBuffered(bytes: number): void {
    this.#limited.countOutgoing(bytes);
  }

  handleWaiting(): void {
    this.runGuarded(() => this.#frames.resume());
    this.#limited.countUnfinished();
    this.#writer.flush();
  }

  onWritable(writable: boolean): void {
    const { id, atMember } = this.#lifecycle;
    if (atMember) this.#context.port.input(id, { kind: 'writable', writable });
    // While a client does not read its responses, its further packets must not cause more responses.
    if (writable) this.#gate.resume(pauseReasons.outgoingBuffer);
    else this.#gate.pause(pauseReasons.outgoingBuffer);
  }

  /** Runs code that parses packets. A protocol violation closes this connection only. */
  runGuarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof UnsupportedProtocolError) {
        this.#lifecycle.rejectProtocol(error.level);
      } else if (error instanceof PacketError) {
        this.#context.counters.protocolErrors++;
        if (error instanceof PacketTooLargeError) {
          this.#context.oversizedPackets.report(error, this.#lifecycle.client, this.#lifecycle.address);
        }
        this.#lifecycle.fail(error.reasonCode, disconnectLabelOfCode(error.reasonCode), error.message);
      } else {
        throw error;
      }
    }
  }

  onFrame(first: number, bytes: Buffer, start: number, end: number): void {
    this.#context.counters.packetsReceived++;
    this.#completed++;
    if (this.#writer.tap === null) this.#handleFrame(first, bytes, start, end);
    else this.#handleTraced(this.#writer.tap, { first, bytes, start, end });
  }

  #handleTraced(tap: ConnectionTap, packet: PacketBytes): void {
    tap.received(packet);
    try {
      this.#handleFrame(packet.first, packet.bytes, packet.start, packet.end);
    } catch (error) {
      if (error instanceof Error) tap.decided(`rejected: ${error.message}`);
      throw error;
    } finally {
      tap.handled();
    }
  }

  #handleFrame(first: number, bytes: Buffer, start: number, end: number): void {
    const type = first >> 4;
    const { reader } = this.#context;
    if (this.#open === null) {
      if (type !== connectType) throw protocolError('the first packet is not CONNECT'); // [MQTT-3.1.0-1]
      if (first !== connectType << 4) throw malformed('CONNECT has reserved flags set');
      reader.reset(bytes, start, end);
      this.#handshake = this.#newHandshake();
      this.#handshake.onConnect(reader);
      return;
    }
    switch (type) {
      case connectType:
        throw protocolError('the client sent a second CONNECT'); // [MQTT-3.1.0-2]
      case pingreqType:
        if (first !== pingreqType << 4) throw malformed('PINGREQ has reserved flags set');
        if (start !== end) throw malformed('PINGREQ has a body');
        return this.#writer.add(pingresp, 0);
      case disconnectType:
        // [MQTT-3.14.1-1]
        if (first !== disconnectType << 4) throw malformed('DISCONNECT has reserved flags set');
        reader.reset(bytes, start, end);
        return this.#onDisconnect(this.#open);
      default:
        this.#open.inbound.onFrame(first, bytes, start, end);
    }
  }

  #onDisconnect(open: OpenClient): void {
    const { reasonCode, sessionExpiryInterval } = decodeDisconnect(
      this.#context.reader,
      this.#lifecycle.version,
    );
    if (sessionExpiryInterval && !open.sessionOutlivesConnection) {
      // MQTT 5, 3.14.2.2.2
      throw protocolError('DISCONNECT has a session expiry interval, but that of CONNECT is 0');
    }
    open.inbound.onDisconnect();
    this.#lifecycle.onDisconnect({
      // Only a normal disconnection discards the will [MQTT-3.14.4-3].
      graceful: reasonCode === reasonCodes.success,
      ...(sessionExpiryInterval !== undefined && { sessionExpirySeconds: sessionExpiryInterval }),
    });
  }

  #newHandshake(): Handshake {
    const parts = {
      lifecycle: this.#lifecycle,
      frames: this.#frames,
      gate: this.#gate,
      writer: this.#writer,
      context: this.#context,
    };
    return new Handshake(parts, {
      onAuthenticated: (user) => this.#limited.onAuthenticated(user),
      onRequested: (packet) => this.#onRequested(packet),
      onOpen: (packet) => this.#openClient(packet),
      onEarlyEffect: (effect) => this.#onOpenEffect(effect),
    });
  }

  #openClient(packet: ConnectPacket): void {
    const { access } = this.#lifecycle;
    // The member opens only sessions of authenticated clients.
    if (access === null) throw new Error('a client was opened before its authentication');
    const parts = {
      lifecycle: this.#lifecycle,
      gate: this.#gate,
      writer: this.#writer,
      limited: this.#limited,
      context: this.#context,
      guard: this,
    };
    this.#open = new OpenClient(parts, access, packet, this.#handshake?.grantedExpirySeconds);
    this.#aliveAtMs = performance.now();
    this.#handshake = null;
    this.#connectPacket = null;
  }
}
