import type { Duplex } from 'node:stream';
import type { ConnectionId, Disconnection, RefusalReason } from '@mqtt-cluster/contracts';
import type { ConnectionRefusalReason, DisconnectReason } from '@mqtt-cluster/metric-catalogue';
import type { AedesConnection } from '../aedes/aedes-adapter.ts';
import type { ProtocolVersion } from '../codec/decode-connect.ts';
import type { ErrorDetails } from '../codec/encode-control.ts';
import {
  encodeConnackRefusal,
  encodeDisconnect,
  encodeUnsupportedProtocolConnack,
} from '../codec/encode-control.ts';
import { failureReasonCodeMin, reasonCodes } from '../codec/reason-codes.ts';
import type { BrokerContext } from '../context.ts';
import type { ReadGate } from '../flow-control/read-gate.ts';
import type { ConnectionOrigin } from '../listeners/options.ts';
import {
  connackReasonCode,
  disconnectLabel,
  disconnectReasonCode,
  refusalLabel,
  refusalLabelOfCode,
} from './reasons.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';
import type { ClientAccess } from './client-access.ts';
import { disconnectTexts, refusalTexts } from './client-events.ts';
import type { ClientEvent } from './client-events.ts';

/** Time after which the guard destroys a closing socket that has not sent its last bytes, ms. */
const lingerMs = 1_000;

/** Receives the phases of a connection. */
interface LifecycleHost {
  /** The client sent an acceptable CONNECT. */
  onConnecting(): void;
  /** The client is connected. */
  onOpen(): void;
  /** The connection ended. `previous` is the phase before the end. */
  onEnded(previous: 'new' | 'connecting' | 'open', end: ConnectionEnd): void;
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** The will is discarded. */
  readonly graceful: boolean;
  readonly label: DisconnectReason;
}

/**
 * The phases of one connection, and all ways to end it: a rejected CONNECT, a protocol violation, a decision
 * of the member, a time-out, a closed socket, or the stop of the broker.
 */
export class Lifecycle {
  readonly id: ConnectionId;
  readonly origin: ConnectionOrigin;
  readonly #socket: Duplex;
  readonly #gate: ReadGate;
  readonly #writer: SocketWriter;
  readonly #context: BrokerContext;
  readonly #host: LifecycleHost;
  /** Monotonic milliseconds. */
  readonly openedAtMs = performance.now();
  #phase: 'new' | 'connecting' | 'open' | 'ended' = 'new';
  /** Selects the form of all answers. MQTT 3.1.1 until CONNECT is decoded. */
  version: ProtocolVersion = 4;
  /**
   * The client's Maximum Packet Size, bytes. No packet of any type is larger [5.0 MQTT-3.1.2-24].
   */
  packetBytesMax = Infinity;
  /** The client identifier; empty until CONNECT is decoded. */
  client = '';
  /** The user; undefined for an anonymous client and before the authentication. */
  user: string | undefined = undefined;
  /** Unix time at which the client was connected, ms. */
  connectedSinceMs = 0;
  /** The rights of the client. Null until it is authenticated. */
  access: ClientAccess | null = null;
  /** Null from CONNACK on. */
  aedes: AedesConnection | null = null;
  /**
   * True after the member received the connect request. The guard must then report the end of the connection
   * to the member as well.
   */
  atMember = false;

  constructor(
    id: ConnectionId,
    origin: ConnectionOrigin,
    socket: Duplex,
    gate: ReadGate,
    writer: SocketWriter,
    context: BrokerContext,
    host: LifecycleHost,
  ) {
    this.id = id;
    this.origin = origin;
    this.#socket = socket;
    this.#gate = gate;
    this.#writer = writer;
    this.#context = context;
    this.#host = host;
  }

  /** IP address of the client without port; empty if it is unknown. */
  get address(): string {
    return this.origin.address;
  }

  get phase(): 'new' | 'connecting' | 'open' | 'ended' {
    return this.#phase;
  }

  /** The guard has accepted CONNECT. Authentication and the member decide next. */
  startConnecting(client: string): void {
    this.client = client;
    this.#phase = 'connecting';
    this.#host.onConnecting();
  }

  /** The member and Aedes have accepted the client. */
  open(): void {
    this.#phase = 'open';
    this.connectedSinceMs = Date.now();
    this.#host.onOpen();
    this.#report('connected', 'the client connected');
  }

  /** Rejects a connecting client with CONNACK and closes the connection. */
  reject(reasonCode: number, label: ConnectionRefusalReason, text?: string): void {
    this.#writeRefusal(reasonCode, text);
    this.#countRefusal(label, text, reasonCode);
    this.#end('other', { graceful: false });
  }

  /** Rejects an authenticated client because the member has no place for it. */
  rejectForCapacity(label: ConnectionRefusalReason): void {
    this.reject(reasonCodes.quotaExceeded, label);
  }

  /** Closes the connection because other connections need its place or its memory. */
  evict(text: string): void {
    if (this.#phase === 'open') this.fail(reasonCodes.quotaExceeded, 'evicted', text);
    else if (this.#phase === 'connecting') {
      this.reject(reasonCodes.quotaExceeded, 'too_many_connections', text);
    } else {
      this.#countRefusal('too_many_connections', text);
      this.#end('other', { graceful: false });
      this.#socket.destroy();
    }
  }

  rejectProtocol(level: number): void {
    this.#writer.writeImmediately(encodeUnsupportedProtocolConnack(level));
    this.#countRefusal('protocol_version');
    this.#end('protocol_error', { graceful: false });
  }

  /** The member has rejected CONNECT. */
  onMemberRefusal(reason: RefusalReason): void {
    this.atMember = false;
    this.reject(connackReasonCode(reason), refusalLabel(reason));
  }

  /** The member has closed the connection. */
  onMemberClose(reason: RefusalReason): void {
    this.atMember = false;
    if (reason === 'takenOver') this.#context.clientLimits.onTakenOver(this.client, this.address);
    if (this.#phase === 'connecting') this.reject(connackReasonCode(reason), refusalLabel(reason));
    else this.fail(disconnectReasonCode(reason), disconnectLabel(reason), `closed by the member: ${reason}`);
  }

  /** The client has sent DISCONNECT. */
  onDisconnect(disconnection: Disconnection): void {
    this.#end('client', disconnection);
  }

  onSocketClosed(): void {
    this.#end('network', { graceful: false });
  }

  onAedesClosed(): void {
    this.#end('other', { graceful: false });
  }

  /**
   * Closes the connection. An MQTT 5 client receives the reason code [MQTT-3.14.0-1].
   *
   * @param disconnection whether the member discards the will. It publishes the will in most cases [MQTT-3.1.2-8].
   */
  fail(
    reasonCode: number,
    label: DisconnectReason,
    text: string,
    disconnection: Disconnection = { graceful: false },
  ): void {
    if (this.#phase === 'ended') return;
    this.#context.logger.debug(
      { connection: this.id, client: this.client, address: this.address, reasonCode, text },
      'Client connection closed by the broker',
    );
    if (this.#phase === 'open') {
      this.#writer.flush();
      const disconnect =
        this.version < 5 ? null : encodeDisconnect(this.#details(reasonCode, text), this.packetBytesMax);
      if (disconnect) this.#writer.writeImmediately(disconnect);
    } else if (reasonCode >= failureReasonCodeMin) {
      if (label === 'protocol_error') this.#countRefusal(refusalLabelOfCode(reasonCode), text);
      else this.#report('refused', text, label);
      this.#writeRefusal(reasonCode, text);
    }
    this.#end(label, disconnection, text, reasonCode);
  }

  /** Closes the connection because an operator demands it. The member publishes the will. */
  disconnectByOperator(): void {
    this.fail(reasonCodes.administrativeAction, 'administrative', disconnectTexts.administrative);
  }

  #writeRefusal(reasonCode: number, text: string | undefined): void {
    const details = this.#details(reasonCode, text);
    const connack = encodeConnackRefusal(this.version, details, this.packetBytesMax);
    if (connack) this.#writer.writeImmediately(connack);
  }

  #details(reasonCode: number, text: string | undefined): ErrorDetails {
    return { reasonCode, reasonString: text, serverReference: this.#serverReference(reasonCode) };
  }

  /**
   * Closes an accepted connection whose CONNACK exceeds the client's Maximum Packet Size. Any other CONNACK would be
   * wrong or too large as well.
   */
  closeWithoutConnack(): void {
    const { id: connection, client, address, packetBytesMax } = this;
    this.#context.logger.warn(
      { connection, client, address, packetBytesMax },
      'Client connection closed: CONNACK exceeds the Maximum Packet Size of the client',
    );
    this.#countRefusal('other');
    this.#end('other', { graceful: false });
  }

  /**
   * Closes the connection because the broker stops. The member does not receive this end: the other members
   * decide about the session.
   */
  shutDown(): void {
    this.atMember = false;
    this.fail(reasonCodes.serverShuttingDown, 'shutdown', 'the broker stops');
  }

  /** Closes a connection that exceeds a time limit. The broker calls this once a second. */
  sweep(nowMs: number): void {
    const { limits, counters } = this.#context;
    const ageMs = nowMs - this.openedAtMs;
    const { stalledSinceMs } = this.#writer;
    if (this.#phase === 'new' && ageMs > limits.connectMsMax) {
      this.#countRefusal('timeout');
      this.#end('other', { graceful: false });
    } else if (this.#phase === 'connecting' && ageMs > limits.connectMsMax + limits.admissionMsMax) {
      this.reject(reasonCodes.serverUnavailable, 'timeout');
    } else if (stalledSinceMs !== null && nowMs - stalledSinceMs > limits.stalledMsMax) {
      counters.slowConsumers++;
      this.fail(reasonCodes.quotaExceeded, 'slow_consumer', 'the client does not read its socket');
    }
  }

  #countRefusal(label: ConnectionRefusalReason, text = refusalTexts[label], reasonCode?: number): void {
    const { counters } = this.#context;
    counters.connectionsRefused++;
    counters.refusals[label]++;
    this.#report(
      reasonCode !== undefined && this.#isRedirect(reasonCode) ? 'redirected' : 'refused',
      text,
      label,
    );
  }

  /**
   * Computes the Server Reference only for a redirected client, because the computation is costly and many
   * connections may end at the same time.
   */
  #serverReference(reasonCode: number): string | undefined {
    if (!this.#isRedirect(reasonCode)) return undefined;
    return this.#context.options.serverReference?.(this.origin.kind);
  }

  #isRedirect(reasonCode: number): boolean {
    return this.version === 5 && reasonCode === reasonCodes.useAnotherServer;
  }

  #report(kind: ClientEvent['kind'], text: string, reason?: ClientEvent['reason']): void {
    const { onClientEvent } = this.#context.options;
    if (onClientEvent === undefined) return;
    const { client, user, address } = this;
    onClientEvent({
      kind,
      client,
      ...(user !== undefined && { user }),
      address,
      ...(reason !== undefined && { reason }),
      text,
    });
  }

  #reportEnd(label: DisconnectReason, text: string, reasonCode: number | undefined): void {
    if (label === 'taken_over') this.#report('takenOver', disconnectTexts.taken_over, label);
    else if (reasonCode !== undefined && this.#isRedirect(reasonCode)) {
      this.#report('redirected', disconnectTexts[label], label);
    } else this.#report('disconnected', text, label);
  }

  #end(
    label: DisconnectReason,
    disconnection: Disconnection,
    text = disconnectTexts[label],
    reasonCode?: number,
  ): void {
    if (this.#phase === 'ended') return;
    const previous = this.#phase;
    this.#phase = 'ended';
    this.#writer.tap?.closed(text);
    if (previous === 'open') {
      this.#context.counters.disconnects[label]++;
      this.#reportEnd(label, text, reasonCode);
    }
    this.#gate.end();
    if (this.atMember) this.#context.port.input(this.id, { kind: 'disconnect', ...disconnection });
    this.atMember = false;
    this.aedes?.close();
    this.#host.onEnded(previous, { graceful: disconnection.graceful, label });
    this.#closeSocket();
  }

  #closeSocket(): void {
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
}
