import { createHash } from 'node:crypto';
import type { Message } from '@mqtt-cluster/contracts';
import type { ReplicatedAccess } from '../access/access-table.ts';
import { writeAccess } from './access-codec.ts';
import { ByteWriter } from './bytes.ts';
import type { Part } from './bytes.ts';
import { writeMessage } from './message-codec.ts';
import { hashOf } from './hash.ts';
import { writeItems } from './session-codec.ts';
import type { MessageBodies } from '../bodies/message-bodies.ts';
import type { SessionQueue } from '../session/session-queue.ts';
import { writeState } from './state-codec.ts';
import type { LargeParts } from './state-codec.ts';
import type { StateData } from '../state-data.ts';

const digestHexDigits = 16;
/** Room for the growth of an encoded part since the last digest. */
const stateGrowthBytes = 512;

/**
 * Computes the digest of a part of the encoded state, with a hash in place of each message and each queue. The hashes
 * are cached, so only messages and queues that changed since the last digest are hashed. Therefore long
 * queues do not delay a member.
 */
export class StateDigester {
  readonly #messages = new WeakMap<Message, number>();
  readonly #queues = new WeakMap<SessionQueue, { readonly revision: number; readonly hash: number }>();
  readonly #access = new WeakMap<ReplicatedAccess, number>();
  readonly #scratch = new ByteWriter();
  readonly #queueScratch = new ByteWriter();
  /** The hash of an empty queue. Most queues are empty, and a digest reads thousands of them. */
  #emptyQueue: number | null = null;
  /** Bytes of the last encoded part. The next one has about the same size. */
  #stateBytes = 0;

  /**
   * Hashes messages when they enter the state. Otherwise the next digest would hash many of them at once, at the same
   * index on every member.
   */
  prepare(retained: readonly Message[]): void {
    for (const message of retained) this.#messageHash(message);
  }

  digest(data: StateData, part: Part): string {
    const writer = new ByteWriter(null, this.#stateBytes + stateGrowthBytes);
    const large: LargeParts = {
      items: ({ items }, range) =>
        part.parts === 1
          ? writer.number(this.#queueHash(data.bodies, items))
          : writeItems(writer, { write: (body) => writer.number(data.bodies.hash(body)) }, items, range),
      message: (message) => writer.number(this.#messageHash(message)),
      access: (access) => writer.number(this.#accessHash(access)),
    };
    writeState(writer, data, large, part);
    this.#stateBytes = writer.length;
    return createHash('sha256').update(writer.written()).digest('hex').slice(0, digestHexDigits);
  }

  #queueHash(bodies: MessageBodies, items: SessionQueue): number {
    if (items.size === 0) return (this.#emptyQueue ??= this.#itemsHash(bodies, items));
    const known = this.#queues.get(items);
    if (known?.revision === items.revision) return known.hash;
    const hash = this.#itemsHash(bodies, items);
    this.#queues.set(items, { revision: items.revision, hash });
    return hash;
  }

  #itemsHash(bodies: MessageBodies, items: SessionQueue): number {
    const writer = this.#queueScratch;
    writer.reset();
    const all = { from: 0, to: items.size };
    writeItems(writer, { write: (body) => writer.number(bodies.hash(body)) }, items, all);
    return hashOf(writer.written());
  }

  #accessHash(access: ReplicatedAccess): number {
    const known = this.#access.get(access);
    if (known !== undefined) return known;
    const writer = new ByteWriter();
    writeAccess(writer, access);
    const hash = hashOf(writer.written());
    this.#access.set(access, hash);
    return hash;
  }

  #messageHash(message: Message): number {
    const known = this.#messages.get(message);
    if (known !== undefined) return known;
    this.#scratch.reset();
    writeMessage(this.#scratch, message);
    const hash = hashOf(this.#scratch.written());
    this.#messages.set(message, hash);
    return hash;
  }
}
