import type { Duplex } from 'node:stream';
import type { BrokerCounters } from '../counters.ts';
import type { EncodedPacket } from '../codec/encode-publish.ts';
import type { ConnectionTap } from '../trace/connection-tap.ts';

/**
 * Packets below this size are copied into one buffer with the packets before and after them. A larger packet
 * is written to the socket without a copy.
 */
const copiedBytesMax = 16 * 1024;

interface SocketWriterHost {
  /** Reports that the socket's buffer has reached its bound (false) or has drained (true). */
  onWritable(writable: boolean): void;
  /** Reports a change of the bytes in the socket's buffer, except those that the socket sends by itself. */
  onBuffered(bytes: number): void;
}

/** Writes packets to one client's socket: all packets of a turn in one write. */
export class SocketWriter {
  readonly #socket: Duplex;
  readonly #bufferBytesMax: number;
  readonly #counters: BrokerCounters;
  readonly #host: SocketWriterHost;
  readonly #packets: EncodedPacket[] = [];
  readonly #packetIds: number[] = [];
  #bytes = 0;
  #corked = true;
  /** Bytes in the socket's buffer when they were last measured. */
  #buffered = 0;
  /**
   * When the socket's buffer reached its bound (monotonic ms), or null while the buffer is below its bound.
   */
  stalledSinceMs: number | null = null;
  /** Receives the packets while a trace runs. */
  tap: ConnectionTap | null = null;

  /**
   * Queued packets wait until {@link uncork}, because no packet may precede CONNACK [MQTT-3.2.0-1].
   *
   * @param bufferBytesMax bound of the socket's buffer, bytes
   */
  constructor(socket: Duplex, bufferBytesMax: number, counters: BrokerCounters, host: SocketWriterHost) {
    this.#socket = socket;
    // Below its high-water mark a stream emits no `drain` event.
    this.#bufferBytesMax = Math.max(bufferBytesMax, socket.writableHighWaterMark);
    this.#counters = counters;
    this.#host = host;
    socket.on('drain', () => this.#onDrain());
  }

  /** Queues a packet until {@link flush}. `packetId` is 0 for a packet without one. */
  add(packet: EncodedPacket, packetId: number): void {
    if (this.tap !== null) this.tap.sent(packet.bytes, packetId);
    this.#packets.push(packet);
    this.#packetIds.push(packetId);
    this.#bytes += packet.bytes.length;
  }

  /** Writes the queued packets. From now on, each {@link flush} writes to the socket. */
  uncork(): void {
    this.#corked = false;
    this.flush();
  }

  /** Writes the bytes at once, before all queued packets. */
  writeImmediately(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    if (this.tap !== null) this.tap.sent(bytes, 0);
    this.#counters.bytesSent += bytes.length;
    this.#counters.packetsSent++;
    this.#socket.write(bytes);
    this.#checkStalled();
  }

  flush(): void {
    if (this.#corked || this.#packets.length === 0) return;
    const socket = this.#socket;
    if (socket.writable) {
      this.#counters.bytesSent += this.#bytes;
      this.#counters.packetsSent += this.#packets.length;
      const [only] = this.#packets;
      if (only && this.#packets.length === 1 && only.packetIdOffset === 0) socket.write(only.bytes);
      else this.#writeAll();
    }
    this.#packets.length = 0;
    this.#packetIds.length = 0;
    this.#bytes = 0;
    this.#checkStalled();
  }

  /** Treats the socket's buffer as full, although it is below its bound, until it is empty. */
  stall(): void {
    if (this.stalledSinceMs !== null) return;
    this.stalledSinceMs = performance.now();
    this.#host.onWritable(false);
  }

  /** Measures and returns the bytes in the socket's buffer. */
  measure(): number {
    this.#buffered = this.#socket.writableLength;
    return this.#buffered;
  }

  /** Finds a buffer that became empty without a `drain` event. Called once a second. */
  sweep(): void {
    if (this.#buffered === 0) return;
    this.#host.onBuffered(this.measure());
    if (this.#buffered === 0) this.#onDrain();
  }

  #checkStalled(): void {
    const before = this.#buffered;
    const bytes = this.measure();
    if (bytes !== before) this.#host.onBuffered(bytes);
    if (bytes >= this.#bufferBytesMax) this.stall();
  }

  #writeAll(): void {
    const socket = this.#socket;
    if (this.#bytes <= copiedBytesMax) {
      socket.write(this.#copy(0, this.#packets.length, this.#bytes));
      return;
    }
    socket.cork();
    let from = 0;
    let bytes = 0;
    for (const [index, packet] of this.#packets.entries()) {
      const large = packet.bytes.length >= copiedBytesMax;
      if (bytes > 0 && (large || bytes >= copiedBytesMax)) {
        socket.write(this.#copy(from, index, bytes));
        from = index;
        bytes = 0;
      }
      if (large) {
        writeLarge(socket, packet, this.#packetIds[index] ?? 0);
        from = index + 1;
      } else {
        bytes += packet.bytes.length;
      }
    }
    if (bytes > 0) socket.write(this.#copy(from, this.#packets.length, bytes));
    socket.uncork();
  }

  #copy(from: number, to: number, bytes: number): Buffer {
    const target = Buffer.allocUnsafe(bytes);
    let position = 0;
    for (let index = from; index < to; index++) {
      const packet = this.#packets[index];
      if (!packet) continue;
      const source = packet.bytes;
      target.set(source, position);
      if (packet.packetIdOffset > 0) {
        target.writeUInt16BE(this.#packetIds[index] ?? 0, position + packet.packetIdOffset);
      }
      position += source.length;
    }
    return target;
  }

  #onDrain(): void {
    if (this.#buffered > 0 && this.measure() === 0) this.#host.onBuffered(0);
    if (this.stalledSinceMs === null) return;
    this.stalledSinceMs = null;
    this.#host.onWritable(true);
  }
}

function writeLarge(socket: Duplex, packet: EncodedPacket, packetId: number): void {
  if (packet.packetIdOffset === 0) {
    socket.write(packet.bytes);
    return;
  }
  const identifier = Buffer.allocUnsafe(2);
  identifier.writeUInt16BE(packetId, 0);
  socket.write(packet.bytes.subarray(0, packet.packetIdOffset));
  socket.write(identifier);
  socket.write(packet.bytes.subarray(packet.packetIdOffset + 2));
}
