import type { Message, MessagePages, QoS } from '@mqtt-cluster/contracts';
import type { Account } from '../bounds/account.ts';
import { messageBytes } from '../bounds/sizes.ts';
import { ByteReader, ByteWriter } from '../codec/bytes.ts';
import { readBody, writeBody } from '../codec/body-codec.ts';
import { readPage } from '../codec/encoded-state.ts';
import { hashOf } from '../codec/hash.ts';
import type { BodyCache, BodyContent, BodyId, Origin } from './body-content.ts';
import { AccountCounts } from './account-counts.ts';
import { BodiesCopy } from './bodies-copy.ts';
import { BodyRows, noPosition, noRow, rowsPerChunk } from './body-rows.ts';
import type { RowChunk } from './body-rows.ts';

/** Bounds on what the end of one entry moves on the pages. */
const rowsVisitedMax = 1_024;
const bytesMovedMax = 128 * 1024;

const unknownHash = -1;
const retainFlag = 4;
const listedFlag = 8;
const usedFlag = 16;

/**
 * The messages of all queues. Each is stored once, also if many sessions queue it. Sizes, expiry and hash of each message
 * stay in memory. The messages themselves leave memory beyond a bound, the oldest first, and are read again when a session
 * needs them. Where a message is does not show in any result, so members with different bounds stay equal.
 */
export class MessageBodies {
  readonly #cache: BodyCache | null;
  readonly #rows = new BodyRows();
  readonly #accounts = new AccountCounts();
  readonly #scratch = new ByteWriter();
  /** The next row that is examined for a move on the pages. */
  #nextToMove = 0;
  /** Messages without a queue item. They are freed at the end of the entry. */
  #unreferenced: BodyId[] = [];
  /** The messages in memory, in the order in which they came to memory. */
  #oldest = noRow;
  #newest = noRow;
  #memory = 0;
  #generation = 0;

  /** @param cache null: all messages stay in memory */
  constructor(cache: BodyCache | null = null) {
    this.#cache = cache;
  }

  get pages(): MessagePages | null {
    return this.#cache?.pages ?? null;
  }

  /** Bytes of the messages in memory, see `messageBytes`. */
  get memory(): number {
    return this.#memory;
  }

  /** Adds a message without queue items. */
  add(message: Message, origin: Origin | undefined): BodyId {
    const body = this.#rows.allocate();
    const chunk = this.#rows.chunk(body);
    const row = body % rowsPerChunk;
    chunk.messages[row] = message;
    chunk.origins[row] = origin;
    chunk.positions[row] = noPosition;
    chunk.bytes[row] = bodyBytes(message);
    chunk.memory[row] = messageBytes(message);
    chunk.references[row] = 0;
    chunk.generations[row] = ++this.#generation;
    chunk.expiries[row] = message.expiresAt ?? Infinity;
    chunk.hashes[row] = unknownHash;
    chunk.flags[row] = message.qos | (message.retain ? retainFlag : 0) | listedFlag | usedFlag;
    this.#unreferenced.push(body);
    this.#link(body, chunk, row);
    return body;
  }

  /** Bytes of payload and topic. */
  bytesOf(body: BodyId): number {
    return this.#rows.chunk(body).bytes[body % rowsPerChunk]!;
  }

  /** Bytes of memory, see `messageBytes`. A message that is not in memory counts the same. */
  memoryOf(body: BodyId): number {
    return this.#rows.chunk(body).memory[body % rowsPerChunk]!;
  }

  /** Returns the number of queue items. */
  referencesOf(body: BodyId): number {
    return this.#rows.chunk(body).references[body % rowsPerChunk]!;
  }

  qosOf(body: BodyId): QoS {
    return (this.#rows.chunk(body).flags[body % rowsPerChunk]! & 3) as QoS;
  }

  retainOf(body: BodyId): boolean {
    return (this.#rows.chunk(body).flags[body % rowsPerChunk]! & retainFlag) !== 0;
  }

  /** Returns the cluster time in ms at which the message expires, or Infinity. */
  expiresAt(body: BodyId): number {
    return this.#rows.chunk(body).expiries[body % rowsPerChunk]!;
  }

  /** Returns a number that differs when the id has been given to another message. */
  generationOf(body: BodyId): number {
    return this.#rows.chunk(body).generations[body % rowsPerChunk]!;
  }

  /** Returns the message. A message that is not in memory is read from its page. */
  message(body: BodyId): Message {
    return this.#rows.chunk(body).messages[body % rowsPerChunk] ?? this.#load(body).message;
  }

  /** Returns the origin. It is read with the message. */
  origin(body: BodyId): Origin | undefined {
    const chunk = this.#rows.chunk(body);
    const row = body % rowsPerChunk;
    return chunk.messages[row] === null ? this.#load(body).origin : chunk.origins[row];
  }

  /** Returns the hash of the encoded message with its origin. */
  hash(body: BodyId): number {
    const chunk = this.#rows.chunk(body);
    const row = body % rowsPerChunk;
    if (chunk.hashes[row] === unknownHash) chunk.hashes[row] = hashOf(this.#encode(chunk, row));
    return chunk.hashes[row]!;
  }

  /** Returns the messages as they are now. Later changes do not show. */
  copy(): BodiesCopy {
    return new BodiesCopy(this.#rows.chunks);
  }

  /** Counts one more queue item. @returns whether it is the first one */
  keep(body: BodyId): boolean {
    return this.#rows.chunk(body).references[body % rowsPerChunk]!++ === 0;
  }

  /** Counts one queue item less. @returns whether it was the last one */
  release(body: BodyId): boolean {
    const chunk = this.#rows.chunk(body);
    const row = body % rowsPerChunk;
    if (--chunk.references[row]! > 0) return false;
    if ((chunk.flags[row]! & listedFlag) === 0) {
      chunk.flags[row]! |= listedFlag;
      this.#unreferenced.push(body);
    }
    return true;
  }

  isHeldBy(body: BodyId, account: Account): boolean {
    return this.#accounts.has(body, account);
  }

  /** Counts queue items of a user. @returns the new count of the user */
  countFor(body: BodyId, account: Account, change: 1 | -1): number {
    return this.#accounts.add(body, account, change);
  }

  /**
   * Frees the messages without queue items, and moves messages beyond the bound out of memory. Also moves some messages
   * from parts of the pages that are mostly free, so that the pages can give these parts back.
   */
  settle(): void {
    if (this.#unreferenced.length > 0) this.#freeUnreferenced();
    this.trim();
    if (this.#cache?.pages.hasSparse) this.#moveFromSparse(this.#cache.pages);
  }

  /**
   * Moves the oldest messages out of memory until the rest is within the bound, or the pages accept no more.
   * @param waits whether to wait until the pages accept more
   */
  trim(waits = false): void {
    if (this.#cache === null) return;
    const { pages, bytesMax } = this.#cache;
    while (this.#memory > bytesMax && this.#oldest !== noRow) {
      const body = this.#oldest;
      const chunk = this.#rows.chunk(body);
      const row = body % rowsPerChunk;
      if (chunk.positions[row] === noPosition && !this.#writeToPage(chunk, row, pages, waits)) return;
      this.#unlink(chunk, row);
      chunk.messages[row] = null;
      chunk.origins[row] = undefined;
    }
  }

  /** @returns false if the pages do not accept the message */
  #writeToPage(chunk: RowChunk, row: number, pages: MessagePages, waits: boolean): boolean {
    if (!pages.isAccepting) {
      if (!waits) return false;
      pages.flush();
    }
    const encoded = this.#encode(chunk, row);
    if (chunk.hashes[row] === unknownHash) chunk.hashes[row] = hashOf(encoded);
    const position = pages.write(encoded);
    if (position === null) return false;
    chunk.positions[row] = position;
    chunk.lengths[row] = encoded.length;
    return true;
  }

  #moveFromSparse(pages: MessagePages): void {
    let bytes = 0;
    const end = Math.min(this.#rows.limit, rowsVisitedMax);
    for (let visited = 0; visited < end && bytes < bytesMovedMax; visited++) {
      const body = this.#nextToMove++;
      if (this.#nextToMove >= this.#rows.limit) this.#nextToMove = 0;
      if (!this.#rows.has(body)) continue;
      const chunk = this.#rows.chunk(body);
      const row = body % rowsPerChunk;
      const former = chunk.positions[row]!;
      if ((chunk.flags[row]! & usedFlag) === 0 || former === noPosition || !pages.isSparse(former)) continue;
      const encoded = this.#read(chunk, row);
      const position = pages.write(encoded);
      if (position === null) return;
      chunk.positions[row] = position;
      pages.free(former, encoded.length);
      bytes += encoded.length;
    }
  }

  #freeUnreferenced(): void {
    const bodies = this.#unreferenced;
    this.#unreferenced = [];
    for (const body of bodies) {
      const chunk = this.#rows.chunk(body);
      const row = body % rowsPerChunk;
      chunk.flags[row]! &= ~listedFlag;
      if (chunk.references[row] === 0) this.#free(body, chunk, row);
    }
  }

  #free(body: BodyId, chunk: RowChunk, row: number): void {
    const position = chunk.positions[row]!;
    if (position !== noPosition) this.#cache?.pages.free(position, chunk.lengths[row]!);
    if (chunk.messages[row] !== null) this.#unlink(chunk, row);
    chunk.messages[row] = null;
    chunk.origins[row] = undefined;
    chunk.flags[row] = 0;
    if (this.#rows.free(body)) this.#accounts.discardChunk(body - row);
  }

  /** Reads a message from its page, and keeps it in memory again. */
  #load(body: BodyId): BodyContent {
    const chunk = this.#rows.chunk(body);
    const row = body % rowsPerChunk;
    const reader = new ByteReader(this.#read(chunk, row), true);
    const content = readBody(reader);
    reader.finish();
    chunk.messages[row] = content.message;
    chunk.origins[row] = content.origin;
    this.#link(body, chunk, row);
    this.trim();
    return content;
  }

  /** @throws MessagePageError the page cannot be read, or does not hold what was written */
  #read(chunk: RowChunk, row: number): Uint8Array {
    if (this.#cache === null || (chunk.flags[row]! & usedFlag) === 0)
      throw new Error('a message that is not stored is read: a programming error');
    return readPage(this.#cache.pages, chunk.positions[row]!, chunk.lengths[row]!, chunk.hashes[row]!);
  }

  /** The result is valid until the next call. */
  #encode(chunk: RowChunk, row: number): Uint8Array {
    this.#scratch.reset();
    writeBody(this.#scratch, { message: chunk.messages[row]!, origin: chunk.origins[row] });
    return this.#scratch.written();
  }

  #link(body: BodyId, chunk: RowChunk, row: number): void {
    this.#memory += chunk.memory[row]!;
    chunk.previous[row] = this.#newest;
    chunk.next[row] = noRow;
    if (this.#newest === noRow) this.#oldest = body;
    else this.#rows.chunk(this.#newest).next[this.#newest % rowsPerChunk] = body;
    this.#newest = body;
  }

  #unlink(chunk: RowChunk, row: number): void {
    this.#memory -= chunk.memory[row]!;
    const next = chunk.next[row]!;
    const previous = chunk.previous[row]!;
    if (previous === noRow) this.#oldest = next;
    else this.#rows.chunk(previous).next[previous % rowsPerChunk] = next;
    if (next === noRow) this.#newest = previous;
    else this.#rows.chunk(next).previous[next % rowsPerChunk] = previous;
  }
}

/** Returns the size of a message for the bounds of one queue: the bytes of its payload and topic. */
export function bodyBytes(message: Message): number {
  return message.payload.length + Buffer.byteLength(message.topic);
}
