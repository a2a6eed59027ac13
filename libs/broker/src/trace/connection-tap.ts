import { shortened } from '@mqtt-cluster/contracts';
import type { DeliverEffect } from '@mqtt-cluster/contracts';
import type { ProtocolVersion } from '../codec/decode-connect.ts';
import { describePacket } from './describe-packet.ts';
import type { PacketBytes } from './describe-packet.ts';
import type { TracedPacket } from './packet-trace.ts';
import type { Traces } from './traces.ts';

/** What a trace needs of a connection. */
interface TracedConnection {
  readonly client: string;
  readonly address: string;
  readonly version: ProtocolVersion;
}

/** Passes the packets of one connection to the traces. A connection has one only while a trace runs. */
export class ConnectionTap {
  readonly #connection: TracedConnection;
  readonly #traces: Traces;
  /** The packet from the client that is being handled, before the traces have received it. */
  #pending: TracedPacket | null = null;
  #current: TracedPacket | null = null;
  /** Topic of the next PUBLISH to the client, which may contain an alias only. */
  outgoingTopic = '';

  constructor(connection: TracedConnection, traces: Traces) {
    this.#connection = connection;
    this.#traces = traces;
  }

  /** A packet of the client. Its handling begins. */
  received(packet: PacketBytes): void {
    this.#pending = null;
    this.#current = null;
    if (!this.#isTraced) return;
    const { client, ...description } = describePacket(
      packet,
      this.#connection.version,
      this.#traces.showPayloads,
    );
    const bytes = headerBytes(packet.end - packet.start) + packet.end - packet.start;
    const line = { ...this.#line('in', bytes), ...(client !== undefined && { client }), ...description };
    this.#current = line;
    // The topic of a PUBLISH may be an alias, see `resolved`.
    if (line.packet === 'PUBLISH') this.#pending = line;
    else this.#traces.offer(line);
  }

  /** The topic of the PUBLISH from the client that is being handled. */
  resolved(topic: string): void {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    this.#current = { ...pending, topic: shortened(topic, topicLengthMax) };
    this.#traces.offer(this.#current);
  }

  /** What the broker decided about the packet that is being handled. */
  decided(decision: string): void {
    if (this.#current !== null) this.#current.decision = decision;
  }

  /** The handling of the packet ends. */
  handled(): void {
    if (this.#pending !== null) this.#traces.offer(this.#pending);
    this.#pending = null;
    this.#current = null;
  }

  /** A packet to the client. `packetId` replaces the one in the bytes, see `EncodedPacket`. */
  sent(bytes: Buffer, packetId: number): void {
    if (!this.#isTraced) return;
    let start = 1;
    while ((bytes[start] ?? 0) >= 0x80) start++;
    const packet = { first: bytes[0] ?? 0, bytes, start: start + 1, end: bytes.length };
    const description = describePacket(packet, this.#connection.version, this.#traces.showPayloads);
    if (packetId > 0) description.packetId = packetId;
    if (description.topic === '') description.topic = shortened(this.outgoingTopic, topicLengthMax);
    this.#traces.offer({ ...this.#line('out', bytes.length), ...description });
  }

  /** A delivery that the broker does not send. */
  skipped({ message, qos, retain, dup, packetId }: DeliverEffect, decision: string): void {
    if (!this.#isTraced) return;
    this.#traces.offer({
      ...this.#line('out', 0),
      packet: 'PUBLISH',
      ...(packetId > 0 && { packetId }),
      topic: shortened(message.topic, topicLengthMax),
      qos,
      retain,
      dup,
      decision,
    });
  }

  /** The connection ends. */
  closed(decision: string): void {
    if (this.#isTraced) this.#traces.offer({ ...this.#line('out', 0), packet: 'CLOSE', decision });
  }

  get #isTraced(): boolean {
    return this.#traces.concern(this.#connection.client, this.#connection.address);
  }

  #line(direction: 'in' | 'out', bytes: number) {
    const { client, address } = this.#connection;
    return { atMs: Date.now(), client, address, direction, bytes };
  }
}

const topicLengthMax = 1_024;

function headerBytes(bodyBytes: number): number {
  if (bodyBytes < 0x80) return 2;
  if (bodyBytes < 0x4000) return 3;
  return bodyBytes < 0x200000 ? 4 : 5;
}
