/**
 * The guard of one client, between its socket, Aedes and the member.
 *
 * Aedes alone handles the packets of one read concurrently and cannot wait for the replicated log. The guard
 * decodes each packet once and strictly, handles packets in order, and decides which component gets them:
 *
 * - CONNECT: {@link Handshake}, which involves Aedes and the member.
 * - PINGREQ: Aedes, which also runs the keep-alive timer.
 * - PUBLISH, acknowledgements, SUBSCRIBE, UNSUBSCRIBE: {@link Inbound}, which passes them to the member.
 * - DISCONNECT and all other ends of a connection: {@link Lifecycle}.
 *
 * Effects of the member return through `onEffect` to {@link Outbound} and the {@link SocketWriter}.
 */
import type { Duplex } from 'node:stream';
import type { ClientEffect, ClientId, ConnectionId } from '@mqtt-cluster/contracts';
import { ByteReader } from '../codec/byte-reader.ts';
import { UnsupportedProtocolError } from '../codec/decode-connect.ts';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import { decodeDisconnect } from '../codec/decode-packets.ts';
import { pingresp } from '../codec/encode-control.ts';
import { FrameReader } from '../codec/frame-reader.ts';
import { malformed, PacketError, PacketTooLargeError, protocolError } from '../codec/packet-error.ts';
import { reasonCodes } from '../codec/reason-codes.ts';
import type { BrokerContext } from '../context.ts';
import type { ConnectionOrigin } from '../listeners/options.ts';
import type { ClientAccess, LostRight } from './client-access.ts';
import { applyEffect } from './effects.ts';
import type { EffectTarget, OpenEffect } from './effects.ts';
import { connectionInfo } from './connection-info.ts';
import type { ConnectionInfo } from './connection-info.ts';
import { Handshake } from './handshake.ts';
import { Inbound } from './inbound.ts';
import type { InboundHost } from './inbound.ts';
import { Lifecycle } from './lifecycle.ts';
import type { ConnectionEvents } from './lifecycle.ts';
import { LimitedClient } from './limited-client.ts';
import { Outbound } from './outbound.ts';
import { pauseReasons, ReadGate } from '../flow-control/read-gate.ts';
import { ReceiveProgress } from '../flow-control/receive-progress.ts';
import { disconnectLabelOfCode } from './reasons.ts';
import { ConnectionTap } from '../trace/connection-tap.ts';
import type { PacketBytes } from '../trace/describe-packet.ts';
import { SocketWriter } from '../flow-control/socket-writer.ts';

const connectType = 1;
const pingreqType = 12;
const disconnectType = 14;

/** PINGREQs of one client that Aedes has not answered. Aedes needs a few event loop turns for each. */
const unansweredPingsMax = 16;

const lostRightTexts: Readonly<Record<LostRight, string>> = {
  user: 'the user of the client may no longer connect',
  will: 'the client may no longer publish its will',
  subscription: 'the client may no longer have one of its subscriptions',
};

export class Connection {
  readonly #context: BrokerContext;
  readonly #reader = new ByteReader();
  readonly #frames: FrameReader;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #lifecycle: Lifecycle;
  readonly #handshake: Handshake;
  readonly #limited: LimitedClient;
  readonly #progress: ReceiveProgress;
  /** True after the first byte. */
  #started = false;
  /** Whole packets that the current read completed. */
  #completed = 0;
  #unansweredPings = 0;
  /** CONNECT, after the member has received the connect request. */
  #connectPacket: ConnectPacket | null = null;
  #socketClosed = false;
  /** Receives the effects of the member; null until the client is connected. */
  #target: EffectTarget | null = null;
  /** True if the broker flushes this connection at the end of the turn. */
  flushPending = false;

  constructor(
    id: ConnectionId,
    socket: Duplex,
    origin: ConnectionOrigin,
    context: BrokerContext,
    events: Omit<ConnectionEvents, 'onConnecting'>,
  ) {
    const { limits, counters } = context;
    this.#context = context;
    this.#progress = new ReceiveProgress(limits.packetBytesPerSecondMin);
    this.#frames = new FrameReader(limits.packetBytesMax, (first, bytes, start, end) =>
      this.#onFrame(first, bytes, start, end),
    );
    this.#gate = new ReadGate(socket, this.#frames, (action) => {
      this.#runGuarded(action);
      this.#limited.countUnfinished();
      this.#writer.flush();
    });
    this.#writer = new SocketWriter(socket, limits.outgoingBytesMax, counters, {
      onWritable: (writable) => this.#onWritable(writable),
      onBuffered: (bytes) => this.#limited.countOutgoing(bytes),
    });
    this.#lifecycle = new Lifecycle(id, origin, socket, this.#gate, this.#writer, context, {
      onConnecting: () => this.#limited.onConnecting(),
      onOpen: () => events.onOpen(),
      onEnded: (previous) => {
        this.#limited.onEnded();
        events.onEnded(previous);
      },
    });
    const parts = {
      lifecycle: this.#lifecycle,
      frames: this.#frames,
      gate: this.#gate,
      writer: this.#writer,
      context,
    };
    this.#limited = new LimitedClient(parts);
    this.#handshake = new Handshake(parts, {
      onAuthenticated: (user) => this.#limited.onAuthenticated(user),
      onRequested: (packet) => this.#onRequested(packet),
      onOpen: (packet) => this.#onOpen(packet),
      onEarlyEffect: (effect) => this.#onOpenEffect(effect),
      onPingresp: () => this.#onPingresp(),
    });
    this.updateTap();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) =>
      context.logger.debug(
        { connection: id, address: origin.address, error: error.message },
        'Socket of a client failed',
      ),
    );
    socket.on('close', () => this.#onSocketClosed());
  }

  /** Applies an effect of the member. The broker flushes the connection after the last effect of a turn. */
  onEffect(effect: ClientEffect): void {
    switch (effect.kind) {
      case 'connack':
        return this.#handshake.onMemberAcceptance(effect);
      case 'refuse':
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
    if (this.#connectPacket === null || this.#target === null) return null;
    return connectionInfo({
      lifecycle: this.#lifecycle,
      packet: this.#connectPacket,
      outbound: this.#target.outbound,
      limits: this.#context.limits,
      grantedExpirySeconds: this.#handshake.grantedExpirySeconds,
    });
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

  flush(): void {
    this.#writer.flush();
  }

  /** Closes the connection if it exceeds a time limit. */
  sweep(nowMs: number): void {
    this.#lifecycle.sweep(nowMs);
    this.#limited.sweep();
    this.#target?.inbound.countUnanswered();
    if (this.#handshake.access?.hasExpired(Date.now()) === true) {
      this.#lifecycle.fail(
        reasonCodes.notAuthorized,
        'not_authorized',
        'the token of the client has expired',
      );
    }
    if (this.#gate.isPaused) {
      // The guard does not read the socket, so the silence of the client proves nothing.
      this.#lifecycle.aedes?.touch();
      this.#progress.restart(nowMs);
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
    const { access } = this.#handshake;
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
    if (phase === 'connecting') this.#handshake.defer(effect);
    else if (phase === 'open' && this.#target !== null) applyEffect(effect, this.#target);
  }

  #onData(chunk: Buffer): void {
    if (this.#lifecycle.phase === 'ended') return;
    this.#context.counters.bytesReceived += chunk.length;
    this.#completed = 0;
    this.#limited.isActive = true;
    this.#runGuarded(() => {
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
    if (this.#completed > 0) this.#progress.onPacket();
    else if (!this.#progress.onPart(bytes, performance.now())) return;
    this.#lifecycle.aedes?.touch();
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
    this.#runGuarded(() => {
      if (this.#target === null && this.#connectPacket !== null) this.#onOpen(this.#connectPacket);
      this.#gate.drain();
      this.#target?.inbound.onDisconnect();
    });
  }

  #onWritable(writable: boolean): void {
    const { id, atMember } = this.#lifecycle;
    if (atMember) this.#context.port.input(id, { kind: 'writable', writable });
    // While a client does not read its responses, its further packets must not cause more responses.
    if (writable) this.#gate.resume(pauseReasons.outgoingBuffer);
    else this.#gate.pause(pauseReasons.outgoingBuffer);
  }

  /** Runs code that parses packets. A protocol violation closes this connection only. */
  #runGuarded(action: () => void): void {
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

  #onFrame(first: number, bytes: Buffer, start: number, end: number): void {
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
    if (this.#target === null) {
      if (type !== connectType) throw protocolError('the first packet is not CONNECT'); // [MQTT-3.1.0-1]
      if (first !== connectType << 4) throw malformed('CONNECT has reserved flags set');
      this.#reader.reset(bytes, start, end);
      this.#handshake.onConnect(this.#reader);
      return;
    }
    switch (type) {
      case connectType:
        throw protocolError('the client sent a second CONNECT'); // [MQTT-3.1.0-2]
      case pingreqType:
        if (first !== pingreqType << 4) throw malformed('PINGREQ has reserved flags set');
        if (start !== end) throw malformed('PINGREQ has a body');
        return this.#onPingreq();
      case disconnectType:
        // [MQTT-3.14.1-1]
        if (first !== disconnectType << 4) throw malformed('DISCONNECT has reserved flags set');
        this.#reader.reset(bytes, start, end);
        return this.#onDisconnect(this.#target.inbound);
      default:
        this.#target.inbound.onFrame(first, bytes, start, end);
    }
  }

  #onPingreq(): void {
    this.#lifecycle.aedes?.ping();
    if (++this.#unansweredPings >= unansweredPingsMax) this.#gate.pause(pauseReasons.pings);
  }

  #onPingresp(): void {
    this.#writer.writeImmediately(pingresp);
    if (--this.#unansweredPings === 0) this.#gate.resume(pauseReasons.pings);
  }

  #onDisconnect(inbound: Inbound): void {
    const { reasonCode, sessionExpiryInterval } = decodeDisconnect(this.#reader, this.#lifecycle.version);
    if (sessionExpiryInterval && !this.#handshake.sessionOutlivesConnection) {
      // MQTT 5, 3.14.2.2.2
      throw protocolError('DISCONNECT has a session expiry interval, but that of CONNECT is 0');
    }
    inbound.onDisconnect();
    this.#lifecycle.onDisconnect({
      // Only a normal disconnection discards the will [MQTT-3.14.4-3].
      graceful: reasonCode === reasonCodes.success,
      ...(sessionExpiryInterval !== undefined && { sessionExpirySeconds: sessionExpiryInterval }),
    });
  }

  #onOpen(packet: ConnectPacket): void {
    const { id, version } = this.#lifecycle;
    const { access } = this.#handshake;
    // The member opens only sessions of authenticated clients.
    if (access === null) throw new Error('a client was opened before its authentication');
    const limits = {
      packetBytesMax: this.#lifecycle.packetBytesMax,
      topicAliasMaximum: packet.properties.topicAliasMaximum ?? 0,
    };
    const outbound = new Outbound(id, version, limits, access, this.#context, this.#writer);
    this.#target = {
      lifecycle: this.#lifecycle,
      inbound: new Inbound(
        id,
        this.#inboundHost(packet.isBridge, access),
        this.#context,
        outbound,
        this.#reader,
      ),
      outbound,
      counters: this.#context.counters,
      runGuarded: (action) => this.#runGuarded(action),
    };
  }

  #inboundHost(isBridge: boolean, access: ClientAccess): InboundHost {
    const writer = this.#writer;
    return {
      access,
      get tap(): ConnectionTap | null {
        return writer.tap;
      },
      version: this.#lifecycle.version,
      isBridge,
      packetBytesMax: this.#lifecycle.packetBytesMax,
      onPublishWindow: (full) =>
        full ? this.#gate.pause(pauseReasons.publishWindow) : this.#gate.resume(pauseReasons.publishWindow),
      onPublish: (bytes) => this.#limited.onPublish(bytes),
      onHeld: (bytes) => this.#limited.countHeld(bytes),
      onUnanswered: (bytes) => this.#limited.countUnanswered(bytes),
    };
  }
}
