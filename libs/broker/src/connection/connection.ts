import type { Duplex } from 'node:stream';
import type { ClientEffect, ConnectionId, RefusalReason } from '@mqtt-cluster/contracts';
import { brokerMetrics } from '@mqtt-cluster/metric-catalogue';
import type { ConnectionRefusalReason, DisconnectReason } from '@mqtt-cluster/metric-catalogue';
import type { AedesConnection } from '../aedes/aedes-adapter.ts';
import type { BrokerContext } from '../context.ts';
import {
  clientIdOf,
  connectFault,
  connectRequest,
  credentialsOf,
  authenticates,
  serverKeepAlive,
} from './admission.ts';
import { ByteReader } from '../codec/byte-reader.ts';
import {
  encodeConnack,
  encodeConnackRefusal,
  encodeDisconnect,
  encodeUnsupportedLevelConnack,
  pingresp,
} from '../codec/encode-control.ts';
import { decodeConnect, UnsupportedProtocolLevelError } from '../codec/decode-connect.ts';
import type { ConnectPacket, ProtocolVersion } from '../codec/decode-connect.ts';
import { decodeDisconnect } from '../codec/decode-packets.ts';
import { FrameReader } from '../codec/frame-reader.ts';
import { Inbound } from './inbound.ts';
import type { InboundHost } from './inbound.ts';
import { Outbound } from './outbound.ts';
import { SocketWriter } from './socket-writer.ts';
import { malformed, PacketError, protocolError } from '../codec/packet-error.ts';
import { TokenBucket } from './token-bucket.ts';
import { pauseReasons, ReadGate } from './read-gate.ts';
import { failureReasonCodeMin, reasonCodes } from '../codec/reason-codes.ts';
import {
  connackReasonCode,
  disconnectLabel,
  disconnectLabelOfCode,
  disconnectReasonCode,
  refusalLabel,
  refusalLabelOfCode,
} from './reasons.ts';

const connectType = 1;
const pingreqType = 12;
const disconnectType = 14;

/** How long a closing socket may take to send its last bytes. */
const lingerMs = 1_000;

/** PINGREQs that Aedes has not answered yet; it takes a few turns for each. */
const unansweredPingsMax = 16;

export interface ConnectionEvents {
  /** It has sent a CONNECT and counts towards the limit of clients from now on. */
  onConnecting(): void;
  onOpen(): void;
  onEnded(previous: 'new' | 'connecting' | 'open'): void;
}

/**
 * The guard of one client: between its socket, Aedes and the member. Each packet is parsed once, strictly,
 * and dealt with in order; see docs/adr/0001-aedes-version.md for what goes to Aedes.
 */
export class Connection {
  readonly id: ConnectionId;
  readonly address: string;
  readonly #socket: Duplex;
  readonly #context: BrokerContext;
  readonly #events: ConnectionEvents;
  readonly #reader = new ByteReader();
  readonly #frames: FrameReader;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #openedAtMs = performance.now();
  #connectAtMs = 0;
  #state: 'new' | 'connecting' | 'open' | 'ended' = 'new';
  #version: ProtocolVersion = 4;
  /** MQTT 5: CONNECT asked for a session that outlives the connection. */
  #keptSession = false;
  #client = '';
  /** It has shown the admin token. */
  #administers = false;
  #aedes: AedesConnection | null = null;
  /** The member knows of this connection and must be told of its end. */
  #atMember = false;
  #sessionPresent = false;
  #accept: (() => void) | null = null;
  /** What the member sent between letting the client in and CONNACK. */
  #early: ClientEffect[] = [];
  #inbound: Inbound | null = null;
  #outbound: Outbound | null = null;
  #unansweredPings = 0;
  readonly #rate: TokenBucket | null;
  /** In the broker's list of connections to flush. */
  flushPending = false;

  constructor(
    id: ConnectionId,
    socket: Duplex,
    address: string,
    context: BrokerContext,
    events: ConnectionEvents,
  ) {
    this.id = id;
    this.address = address;
    this.#socket = socket;
    this.#context = context;
    this.#events = events;
    const { limits } = context;
    this.#rate = limits.publishesPerSecondMax > 0 ? new TokenBucket(limits.publishesPerSecondMax) : null;
    this.#frames = new FrameReader(limits.packetBytesMax, (first, bytes, start, end) =>
      this.#onFrame(first, bytes, start, end),
    );
    this.#gate = new ReadGate(socket, this.#frames, (action) => {
      this.#guarded(action);
      this.#writer.flush();
    });
    this.#writer = new SocketWriter(socket, limits.outgoingBytesMax, context.counters, {
      onWritable: (writable) => {
        if (this.#atMember) context.port.input(this.id, { kind: 'writable', writable });
        // Who doesn't read our answers can't cause more of them.
        if (writable) this.#gate.resume(pauseReasons.outgoingBuffer);
        else this.#gate.pause(pauseReasons.outgoingBuffer);
      },
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) =>
      context.logger.debug({ connection: id, error: error.message }, 'socket error'),
    );
    socket.on('close', () => this.#end('network', { graceful: false }));
  }

  get client(): string {
    return this.#client;
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'ended') return;
    this.#context.counters.bytesReceived += chunk.length;
    this.#aedes?.touch();
    this.#guarded(() => this.#frames.push(chunk));
    this.#writer.flush();
  }

  /**
   * Runs what reads packets: a client that breaks the protocol loses its connection, nothing else
   * happens.
   */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof UnsupportedProtocolLevelError) {
        this.#writer.writeImmediately(encodeUnsupportedLevelConnack(error.level));
        this.#countRefusal('protocol_version');
        this.#end('protocol_error', { graceful: false });
      } else if (error instanceof PacketError) {
        this.#context.counters.protocolErrors++;
        this.fail(error.reasonCode, disconnectLabelOfCode(error.reasonCode), error.message);
      } else {
        throw error;
      }
    }
  }

  #onFrame(first: number, bytes: Buffer, start: number, end: number): void {
    const type = first >> 4;
    this.#context.counters.packetsReceived++;
    if (this.#inbound === null) {
      if (type !== connectType) throw protocolError('the first packet is not CONNECT'); // [MQTT-3.1.0-1]
      this.#onConnect(first, bytes, start, end);
      return;
    }
    switch (type) {
      case connectType:
        throw protocolError('a second CONNECT'); // [MQTT-3.1.0-2]
      case pingreqType:
        if (first !== pingreqType << 4 || start !== end) throw malformed('PINGREQ');
        this.#aedes?.ping();
        if (++this.#unansweredPings >= unansweredPingsMax) this.#gate.pause(pauseReasons.pings);
        return;
      case disconnectType:
        if (first !== disconnectType << 4) throw malformed('reserved flags'); // [MQTT-3.14.1-1]
        this.#onDisconnect(bytes, start, end);
        return;
      default:
        this.#inbound.onFrame(first, bytes, start, end);
    }
  }

  #onConnect(first: number, bytes: Buffer, start: number, end: number): void {
    if (first !== connectType << 4) throw malformed('reserved flags');
    this.#reader.reset(bytes, start, end);
    const packet = decodeConnect(this.#reader, (version) => {
      this.#version = version;
      this.#frames.strictLength = version === 5;
    });
    const fault = connectFault(packet, this.#context);
    if (fault !== null) return this.#refuse(fault, refusalLabelOfCode(fault));
    this.#client = clientIdOf(packet);
    this.#keptSession = (packet.properties.sessionExpiryInterval ?? 0) > 0;
    this.#state = 'connecting';
    this.#connectAtMs = performance.now();
    this.#events.onConnecting();
    this.#gate.pause(pauseReasons.connecting);
    this.#aedes = this.#context.aedes.openConnection(
      this.id,
      serverKeepAlive(packet, this.#context.limits) ?? packet.keepAlive,
      {
        onAuthenticate: (accept) => {
          this.#accept = accept;
          void this.#authenticate(packet);
        },
        onConnack: () => this.#onConnack(packet),
        onPingresp: () => this.#onPingresp(),
        onKeepAliveTimeout: () =>
          this.fail(reasonCodes.keepAliveTimeout, 'keep_alive', 'keep alive time-out'),
        onClosed: () => this.#end('other', { graceful: false }),
      },
    );
  }

  async #authenticate(packet: ConnectPacket): Promise<void> {
    const accepted = await authenticates(packet, this.#client, this.address, this.#context);
    if (this.#state !== 'connecting') return;
    if (!accepted) return this.#refuse(reasonCodes.notAuthorized, 'not_authorized');
    const { administration } = this.#context.options;
    this.#administers =
      administration?.isAdministrator(credentialsOf(packet, this.#client, this.address)) ?? false;
    this.#atMember = true;
    this.#context.port.input(this.id, { kind: 'connect', request: connectRequest(packet, this.#client) });
  }

  #refuse(reasonCode: number, reason: ConnectionRefusalReason): void {
    const connack = encodeConnackRefusal(this.#version, reasonCode, this.#referenceFor(reasonCode));
    if (connack) this.#writer.writeImmediately(connack);
    this.#countRefusal(reason);
    this.#end('other', { graceful: false });
  }

  #countRefusal(reason: ConnectionRefusalReason): void {
    const { counters } = this.#context;
    counters.connectionsRefused++;
    counters.refusals[reason]++;
  }

  /** The member has let it in and Aedes has done its part. */
  #onConnack(packet: ConnectPacket): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#events.onOpen();
    this.#countConnect();
    const packetBytesMax = packet.properties.maximumPacketSize ?? Infinity;
    this.#outbound = new Outbound(this.id, this.#version, packetBytesMax, this.#context, this.#writer);
    this.#inbound = new Inbound(this.id, this.#inboundHost(), this.#context, this.#outbound, this.#reader);
    this.#writer.writeImmediately(
      encodeConnack(this.#version, this.#sessionPresent, {
        limits: this.#context.limits,
        assignedClient: packet.client.length > 0 ? undefined : this.#client,
        serverKeepAlive: serverKeepAlive(packet, this.#context.limits),
      }),
    );
    for (const effect of this.#early) this.onEffect(effect);
    this.#early = [];
    this.#writer.uncork();
    this.#gate.resume(pauseReasons.connecting);
  }

  #countConnect(): void {
    const { counters, metrics } = this.#context;
    counters.connectionsAccepted++;
    counters.connects[this.#version]++;
    const seconds = (performance.now() - this.#connectAtMs) / 1_000;
    metrics.observe(brokerMetrics.sessionOpenSeconds, [this.#sessionPresent ? 'present' : 'new'], seconds);
  }

  #onPingresp(): void {
    this.#writer.writeImmediately(pingresp);
    if (--this.#unansweredPings === 0) this.#gate.resume(pauseReasons.pings);
  }

  #inboundHost(): InboundHost {
    return {
      client: this.#client,
      version: this.#version,
      isAdministrator: this.#administers,
      onPublishWindow: (full) =>
        full ? this.#gate.pause(pauseReasons.publishWindow) : this.#gate.resume(pauseReasons.publishWindow),
      onPublish: () => {
        const waitMs = this.#rate?.take(performance.now()) ?? 0;
        if (waitMs === 0) return;
        this.#context.counters.publishPauses++;
        this.#gate.pause(pauseReasons.publishRate);
        setTimeout(() => this.#gate.resume(pauseReasons.publishRate), waitMs).unref();
      },
    };
  }

  /** From the member, in order. The broker flushes afterwards. */
  onEffect(effect: ClientEffect): void {
    const outbound = this.#outbound;
    const inbound = this.#inbound;
    if (effect.kind === 'connack') {
      this.#sessionPresent = effect.sessionPresent;
      this.#accept?.();
    } else if (effect.kind === 'refuse') {
      this.#atMember = false;
      this.#refuse(connackReasonCode(effect.reason), refusalLabel(effect.reason));
    } else if (effect.kind === 'close') {
      this.#onClose(effect.reason);
    } else if (outbound === null || inbound === null) {
      if (this.#state === 'connecting') this.#early.push(effect);
    } else if (this.#state === 'open') {
      this.#onOpenEffect(effect, outbound, inbound);
    }
  }

  #onOpenEffect(
    effect: Exclude<ClientEffect, { kind: 'connack' | 'refuse' | 'close' }>,
    outbound: Outbound,
    inbound: Inbound,
  ): void {
    switch (effect.kind) {
      case 'deliver':
        return outbound.deliver(effect);
      case 'puback':
      case 'pubrec':
        if (effect.result !== 'ok') this.#context.counters.publishRefusals.quota++;
        if (effect.result !== 'ok' && this.#version < 5) {
          return this.fail(
            reasonCodes.quotaExceeded,
            'quota_exceeded',
            'publish refused: a quota is exceeded',
          );
        }
        outbound.acknowledge(effect);
        if (effect.kind === 'puback') inbound.onPubackSent();
        else if (effect.result !== 'ok') this.#guarded(() => inbound.onQos2Done(effect.packetId));
        return;
      case 'pubcomp':
        outbound.pubcomp(effect.packetId);
        this.#guarded(() => inbound.onQos2Done(effect.packetId));
        return;
      case 'pubrel':
        return outbound.pubrel(effect.packetId);
      case 'suback':
        return outbound.suback(effect.packetId, inbound.subackCodes(effect.packetId, effect.codes));
      case 'unsuback':
        return outbound.unsuback(
          effect.packetId,
          effect.existed.map((existed) => (existed ? 0 : reasonCodes.noSubscriptionExisted)),
        );
    }
  }

  flush(): void {
    this.#writer.flush();
  }

  #onDisconnect(bytes: Buffer, start: number, end: number): void {
    this.#reader.reset(bytes, start, end);
    const { reasonCode, sessionExpiryInterval } = decodeDisconnect(this.#reader, this.#version);
    if (sessionExpiryInterval && !this.#keptSession) {
      throw protocolError('a session that ends with its connection was to be kept'); // MQTT 5, 3.14.2.2.2
    }
    this.#inbound?.onDisconnect();
    // Only a normal disconnection forgets the will [MQTT-3.14.4-3].
    this.#end('client', {
      graceful: reasonCode === reasonCodes.success,
      ...(sessionExpiryInterval !== undefined && { sessionExpirySeconds: sessionExpiryInterval }),
    });
  }

  /** The member has given the connection up, and knows. */
  #onClose(reason: RefusalReason): void {
    this.#atMember = false;
    if (this.#state === 'connecting') this.#refuse(connackReasonCode(reason), refusalLabel(reason));
    else this.fail(disconnectReasonCode(reason), disconnectLabel(reason), `closed: ${reason}`);
  }

  /** Ends the connection; MQTT 5 clients are told why [MQTT-3.14.0-1]. */
  fail(reasonCode: number, reason: DisconnectReason, text: string): void {
    if (this.#state === 'ended') return;
    this.#context.logger.debug(
      { connection: this.id, client: this.#client, address: this.address, reasonCode, text },
      'connection ended',
    );
    const reference = this.#referenceFor(reasonCode);
    if (this.#state === 'open') {
      this.#writer.flush();
      if (this.#version === 5) this.#writer.writeImmediately(encodeDisconnect(reasonCode, reference));
    } else if (reasonCode >= failureReasonCodeMin) {
      if (reason === 'protocol_error') this.#countRefusal(refusalLabelOfCode(reasonCode));
      const connack = encodeConnackRefusal(this.#version, reasonCode, reference);
      if (connack) this.#writer.writeImmediately(connack);
    }
    this.#end(reason, { graceful: false });
  }

  /** Where the client is better off; asked only for who is told so, as many may end at once. */
  #referenceFor(reasonCode: number): string | undefined {
    if (this.#version !== 5 || reasonCode !== reasonCodes.useAnotherServer) return undefined;
    return this.#context.options.serverReference?.();
  }

  /**
   * For a member that stops: what becomes of the session is for the others to decide, so this one isn't
   * told.
   */
  shutDown(): void {
    this.#atMember = false;
    this.fail(reasonCodes.serverShuttingDown, 'shutdown', 'server is shutting down');
  }

  #end(reason: DisconnectReason, how: { graceful: boolean; sessionExpirySeconds?: number }): void {
    if (this.#state === 'ended') return;
    const was = this.#state;
    this.#state = 'ended';
    if (was === 'open') this.#context.counters.disconnects[reason]++;
    this.#gate.end();
    if (this.#atMember) this.#context.port.input(this.id, { kind: 'disconnect', ...how });
    this.#atMember = false;
    this.#aedes?.close();
    this.#events.onEnded(was);
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.#writer.stalledSinceMs !== null) {
      socket.destroy();
      return;
    }
    socket.end();
    const linger = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(linger));
  }

  /** Once a second: what has taken too long. */
  sweep(nowMs: number): void {
    const { limits, counters } = this.#context;
    const ageMs = nowMs - this.#openedAtMs;
    if (this.#state === 'new' && ageMs > limits.connectMsMax) {
      this.#countRefusal('timeout');
      this.#end('other', { graceful: false });
    } else if (this.#state === 'connecting' && ageMs > limits.connectMsMax + limits.admissionMsMax) {
      this.#refuse(reasonCodes.serverUnavailable, 'timeout');
    } else if (
      this.#writer.stalledSinceMs !== null &&
      nowMs - this.#writer.stalledSinceMs > limits.stalledMsMax
    ) {
      counters.slowConsumers++;
      this.fail(reasonCodes.quotaExceeded, 'slow_consumer', 'closed: slow consumer');
    }
    // Its keep-alive can't be judged while it isn't read.
    if (this.#gate.isPaused) this.#aedes?.touch();
  }
}
