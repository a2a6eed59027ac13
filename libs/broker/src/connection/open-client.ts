import type { ClientLimit } from '@mqtt-cluster/metric-catalogue';
import type { ConnectPacket } from '../codec/decode-connect.ts';
import type { BrokerContext } from '../context.ts';
import type { BrokerCounters } from '../counters.ts';
import { pauseReasons } from '../flow-control/read-gate.ts';
import type { ReadGate } from '../flow-control/read-gate.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';
import type { ConnectionTap } from '../trace/connection-tap.ts';
import type { ClientAccess } from './client-access.ts';
import { connectFacts, connectionInfo } from './connection-info.ts';
import type { ConnectFacts, ConnectionInfo } from './connection-info.ts';
import type { EffectTarget } from './effects.ts';
import { Inbound } from './inbound.ts';
import type { InboundHost } from './inbound.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { LimitedClient } from './limited-client.ts';
import { Outbound } from './outbound.ts';

/** What a connection consists of from its first byte on. */
export interface ConnectionParts {
  readonly lifecycle: Lifecycle;
  readonly gate: ReadGate;
  readonly writer: SocketWriter;
  readonly limited: LimitedClient;
  readonly context: BrokerContext;
  /** Runs code that parses packets, and handles its errors. */
  readonly guard: Pick<EffectTarget, 'runGuarded'>;
}

/**
 * The connected client: what the guard holds from CONNACK on. A member may have tens of thousands of clients that send
 * and receive nothing, so this class holds no copy of CONNECT, and no function of its own.
 */
export class OpenClient implements InboundHost, EffectTarget {
  readonly #parts: ConnectionParts;
  readonly #facts: ConnectFacts;
  readonly access: ClientAccess;
  readonly inbound: Inbound;
  readonly outbound: Outbound;

  constructor(
    parts: ConnectionParts,
    access: ClientAccess,
    packet: ConnectPacket,
    grantedExpirySeconds: number | undefined,
  ) {
    const { lifecycle, writer, context } = parts;
    this.#parts = parts;
    this.access = access;
    this.#facts = connectFacts(packet, context.limits, grantedExpirySeconds);
    const limits = {
      packetBytesMax: lifecycle.packetBytesMax,
      topicAliasMaximum: packet.properties.topicAliasMaximum ?? 0,
    };
    this.outbound = new Outbound(lifecycle.id, lifecycle.version, limits, access, context, writer);
    this.inbound = new Inbound(lifecycle.id, this, context, this.outbound);
  }

  get lifecycle(): Lifecycle {
    return this.#parts.lifecycle;
  }

  get version(): number {
    return this.#parts.lifecycle.version;
  }

  get isBridge(): boolean {
    return this.#facts.isBridge;
  }

  /** The keep-alive in force, seconds; 0 disables it. */
  get keepAliveSeconds(): number {
    return this.#facts.keepAliveSeconds;
  }

  /** True if CONNECT of an MQTT 5 client has a session expiry interval above 0. */
  get sessionOutlivesConnection(): boolean {
    return this.#facts.sessionOutlivesConnection;
  }

  get packetBytesMax(): number {
    return this.#parts.lifecycle.packetBytesMax;
  }

  get tap(): ConnectionTap | null {
    return this.#parts.writer.tap;
  }

  get counters(): BrokerCounters {
    return this.#parts.context.counters;
  }

  runGuarded(action: () => void): void {
    this.#parts.guard.runGuarded(action);
  }

  onPublishWindow(full: boolean): void {
    const { gate } = this.#parts;
    if (full) gate.pause(pauseReasons.publishWindow);
    else gate.resume(pauseReasons.publishWindow);
  }

  onPublish(bytes: number): void {
    this.#parts.limited.onPublish(bytes);
  }

  reportRefused(limit: ClientLimit, fields?: Readonly<Record<string, unknown>>): void {
    const { context, limited } = this.#parts;
    context.clientLimits.report(limit, limited, fields);
  }

  onQos0Refused(reasonCode: number): void {
    this.#parts.lifecycle.origin.onQos0Refused?.(reasonCode);
  }

  onHeld(bytes: number): void {
    this.#parts.limited.countHeld(bytes);
  }

  onUnanswered(bytes: number): void {
    this.#parts.limited.countUnanswered(bytes);
  }

  describe(): ConnectionInfo {
    return connectionInfo(this.#parts.lifecycle, this.outbound, this.#facts);
  }
}
