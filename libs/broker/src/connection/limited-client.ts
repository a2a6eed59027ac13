import { networkOf, TokenBucket } from '@mqtt-cluster/contracts';
import type { ClientLimit } from '@mqtt-cluster/metric-catalogue';
import type { FrameReader } from '../codec/frame-reader.ts';
import type { BrokerContext } from '../context.ts';
import { pauseReasons } from '../flow-control/read-gate.ts';
import type { ReadGate } from '../flow-control/read-gate.ts';
import type { SocketWriter } from '../flow-control/socket-writer.ts';
import { silentMsMin } from '../limits/client-limits.ts';
import type { LimitedConnection } from '../limits/client-limits.ts';
import type { Lifecycle } from './lifecycle.ts';

interface LimitedParts {
  readonly lifecycle: Lifecycle;
  readonly frames: FrameReader;
  readonly gate: ReadGate;
  readonly writer: SocketWriter;
  readonly context: BrokerContext;
}

/** Applies the limits that the clients of a member share, and the rates of one client, to its connection. */
export class LimitedClient implements LimitedConnection {
  readonly #parts: LimitedParts;
  readonly #publishRate: TokenBucket | null;
  readonly #publishByteRate: TokenBucket | null;
  #unfinishedBytes = 0;
  holder: string;
  isAuthenticated = false;
  /** True if the client has sent something since the last sweep. */
  isActive = false;

  constructor(parts: LimitedParts) {
    this.#parts = parts;
    this.holder = networkOf(parts.lifecycle.address);
    const { publishesPerSecondMax, publishBytesPerSecondMax } = parts.context.limits;
    this.#publishRate = publishesPerSecondMax > 0 ? new TokenBucket(publishesPerSecondMax) : null;
    this.#publishByteRate = publishBytesPerSecondMax > 0 ? new TokenBucket(publishBytesPerSecondMax) : null;
    parts.context.clientLimits.enter(this);
  }

  get address(): string {
    return this.#parts.lifecycle.address;
  }

  get client(): string {
    return this.#parts.lifecycle.client;
  }

  isSilent(nowMs: number): boolean {
    const { lifecycle } = this.#parts;
    return lifecycle.phase === 'new' && nowMs - lifecycle.openedAtMs >= silentMsMin;
  }

  setUnfinishedPause(paused: boolean): void {
    if (paused) this.#parts.gate.pause(pauseReasons.unfinished);
    else this.#parts.gate.resume(pauseReasons.unfinished);
  }

  setUnansweredPause(paused: boolean): void {
    const { gate, context } = this.#parts;
    if (!paused) return gate.resume(pauseReasons.unanswered);
    context.counters.publishPauses++;
    gate.pause(pauseReasons.unanswered);
  }

  stallOutgoing(): void {
    this.#parts.writer.stall();
  }

  outgoingBytes(): number {
    return this.#parts.writer.measure();
  }

  evict(limit: ClientLimit): void {
    const { lifecycle, context } = this.#parts;
    if (lifecycle.phase === 'ended') return;
    context.clientLimits.report(limit, this);
    lifecycle.evict(`the member has reached the limit ${limit}`);
  }

  /** Reports the bytes of the unfinished packet. Called after each read. */
  countUnfinished(): void {
    const { lifecycle, frames, gate, context } = this.#parts;
    if (lifecycle.phase === 'ended') return;
    // While the broker itself pauses an authenticated client, its bytes are whole packets that wait for their turn.
    const waits = this.isAuthenticated && gate.isPausedExceptFor(pauseReasons.unfinished);
    const bytes = waits ? 0 : frames.waitingBytes;
    if (bytes === this.#unfinishedBytes) return;
    this.#unfinishedBytes = bytes;
    const { unfinishedBytes, unauthenticatedBytes } = context.clientLimits;
    (this.isAuthenticated ? unfinishedBytes : unauthenticatedBytes).set(this, bytes);
  }

  countHeld(bytes: number): void {
    this.#parts.context.clientLimits.heldBytes.set(this, bytes);
  }

  countUnanswered(bytes: number): void {
    if (this.#parts.lifecycle.phase === 'ended') return;
    this.#parts.context.clientLimits.unansweredBytes.set(this, bytes);
  }

  countOutgoing(bytes: number): void {
    if (this.#parts.lifecycle.phase === 'ended') return;
    this.#parts.context.clientLimits.outgoingBytes.set(this, bytes);
  }

  /** The client has sent its CONNECT: the connections without CONNECT leave before it. */
  onConnecting(): void {
    this.#parts.context.clientLimits.touch(this);
  }

  /**
   * The client is authenticated. Delays it if its client id flaps, and takes the place of a client. Returns false if
   * the connection has ended, also because there is no place.
   */
  async onAuthenticated(user?: string): Promise<boolean> {
    const { lifecycle, context } = this.#parts;
    const delayMs = context.clientLimits.delayOf(this);
    if (delayMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());
    if (lifecycle.phase !== 'connecting') return false;
    const refusal = context.clientLimits.authenticate(this, user);
    if (refusal !== null) lifecycle.rejectForCapacity(refusal);
    else this.#unfinishedBytes = 0;
    return refusal === null;
  }

  onEnded(): void {
    this.#parts.context.clientLimits.leave(this);
  }

  sweep(): void {
    this.#parts.writer.sweep();
    if (!this.isActive) return;
    this.isActive = false;
    if (this.isAuthenticated) this.#parts.context.clientLimits.touch(this);
  }

  /** Pauses a client that publishes faster than its rates permit. */
  onPublish(bytes: number): void {
    if (this.#publishRate === null && this.#publishByteRate === null) return;
    const nowMs = performance.now();
    const messagesMs = this.#publishRate?.take(nowMs) ?? 0;
    const bytesMs = this.#publishByteRate?.take(nowMs, bytes) ?? 0;
    const waitMs = Math.max(messagesMs, bytesMs);
    if (waitMs === 0) return;
    const { gate, context } = this.#parts;
    context.counters.publishPauses++;
    context.clientLimits.report(messagesMs >= bytesMs ? 'publish_rate' : 'publish_byte_rate', this);
    gate.pause(pauseReasons.publishRate);
    setTimeout(() => gate.resume(pauseReasons.publishRate), waitMs).unref();
  }
}
