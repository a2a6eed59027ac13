import type { LiveMessage, MemberId } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../../context.ts';

/** A live message waits at most this long for the log, ms. */
const holdMsMax = 100;
/** Bounds of all live messages that wait. At a bound the oldest of the sender are delivered at once. */
const heldMessagesMax = 10_000;
const heldBytesMax = 16 * 1024 * 1024;

interface Held {
  readonly frame: LiveMessage;
  readonly sentAtMs: number;
  readonly untilMs: number;
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Holds live messages until this member has applied what their sender had applied, so that a QoS 0 message
 * does not overtake a subscription or a retained message of the log. Messages of one sender stay in order. A
 * member without a majority does not hold messages, because its log may not advance.
 */
export class HeldLiveMessages {
  readonly #context: MemberContext;
  readonly #deliver: (frame: LiveMessage, sentAtMs: number) => void;
  readonly #bySender = new Map<MemberId, Held[]>();
  #messages = 0;
  #bytes = 0;

  constructor(context: MemberContext, deliver: (frame: LiveMessage, sentAtMs: number) => void) {
    this.#context = context;
    this.#deliver = deliver;
  }

  /** Delivers the messages of a frame now, or holds them. */
  receive(from: MemberId, frame: LiveMessage, sentAtMs: number): void {
    const queue = this.#bySender.get(from);
    if (queue === undefined && !this.#isAhead(frame)) return this.#deliver(frame, sentAtMs);
    const messages = frame.messages.length + frame.direct.length;
    const bytes = bytesOf(frame);
    const held = { frame, sentAtMs, untilMs: this.#context.nowMs + holdMsMax, messages, bytes };
    if (queue === undefined) this.#bySender.set(from, [held]);
    else queue.push(held);
    this.#messages += messages;
    this.#bytes += bytes;
    this.#release(from, this.#bySender.get(from)!);
  }

  /** Delivers the messages whose wait has ended. Called after each applied entry and once a turn. */
  release(): void {
    if (this.#bySender.size === 0) return;
    for (const [from, queue] of this.#bySender) this.#release(from, queue);
  }

  #release(from: MemberId, queue: Held[]): void {
    let count = 0;
    for (const { frame, sentAtMs, untilMs, messages, bytes } of queue) {
      const isFull = this.#messages > heldMessagesMax || this.#bytes > heldBytesMax;
      if (this.#isAhead(frame) && untilMs > this.#context.nowMs && !isFull) break;
      count++;
      this.#messages -= messages;
      this.#bytes -= bytes;
      this.#deliver(frame, sentAtMs);
    }
    if (count === queue.length) this.#bySender.delete(from);
    else queue.splice(0, count);
  }

  #isAhead({ appliedIndex = 0 }: LiveMessage): boolean {
    return appliedIndex > this.#context.state.index && this.#context.hasMajority;
  }
}

function bytesOf({ messages, direct }: LiveMessage): number {
  let bytes = 0;
  for (const { topic, payload } of messages) bytes += topic.length + payload.length;
  for (const { message } of direct) bytes += message.topic.length + message.payload.length;
  return bytes;
}
