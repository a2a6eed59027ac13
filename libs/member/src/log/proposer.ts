import type { ClientId, Command, LogIndex, OutboxItem, PublishCommand } from '@mqtt-cluster/contracts';
import { encodePublishes, isWithinShare } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { PendingRequest } from '../home/pending-request.ts';
import type { PendingCommand } from './pending-command.ts';
import { WaitingCommands } from './waiting-commands.ts';

/** Upper bound of batches sent and not yet applied, however small they are. */
const smallBatchesInFlightMax = 1_024;

export interface PendingBatch {
  readonly sequence: number;
  readonly createdMs: number;
  readonly commands: PendingCommand[];
  /** Bytes of the large commands in the batch. */
  readonly largeBytes: number;
  encoded: Uint8Array;
  /** The sending round in which the batch was last sent; see `#sending`. */
  sentIn: number;
  outbox: 'none' | 'writing' | 'stored';
  outboxBytes: number;
  /** True when the outbox had no room for the batch. */
  overflowed: boolean;
}

/**
 * Proposes the commands of this home to the leader.
 *
 * The proposer puts commands, in their order, into batches with consecutive sequence numbers (Raft thesis,
 * section 6.3). It sends a batch again until this member has applied it: after a timeout, to a new leader,
 * and over a new link. The sequence number makes a repeat harmless, because members apply each number of an
 * incarnation once (docs/DESIGN.md, "The log and its entries").
 *
 * Without a majority the same unapplied batches, stored on this member's own disk, are the outbox. The client
 * gets a degraded acknowledgement when its batch is stored. When the member follows a leader again, the
 * proposer sends the batches with their old sequence numbers. So a batch is applied once, also when the
 * leader already received a copy before the loss of quorum (ADR 0004).
 */
export class Proposer {
  readonly #context: MemberContext;
  readonly #waiting: WaitingCommands;
  #batches: PendingBatch[] = [];
  #batchBytes = 0;
  /** Bytes of the large commands in the unapplied batches. */
  #largeBytes = 0;
  #nextSequence = 1;
  /** Number of the current sending round. Each new round sends all unapplied batches again. */
  #sending = 1;
  #lastProgressMs = 0;
  #lastSentAgainMs = 0;
  #resendMs: number;
  #outboxBytes = 0;
  /** Unapplied items of the outbox that this member recovered at its start. */
  #recoveredItems = 0;
  #abandoned = false;
  #overflowedAtBytes = 0;

  constructor(context: MemberContext) {
    this.#context = context;
    this.#waiting = new WaitingCommands(context.options.limits);
    this.#resendMs = context.options.timings.resendMs;
    this.#lastProgressMs = context.nowMs;
  }

  /** True when waiting commands fit into another batch now. */
  get hasPending(): boolean {
    const { batchesInFlightMax } = this.#context.options.limits;
    return this.#batches.length < batchesInFlightMax && this.#waiting.canTake(this.#largeBytes);
  }

  get pendingCommands(): number {
    let count = this.#waiting.size;
    for (const batch of this.#batches) count += batch.commands.length;
    return count;
  }

  /** Items that only the disk of this member holds, also those of an earlier start. */
  get outboxItems(): number {
    const { length } = this.#batches.filter(({ outbox }) => outbox !== 'none');
    return length + this.#recoveredItems;
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  get bytes(): number {
    return this.#waiting.bytes + this.#batchBytes;
  }

  /**
   * Returns whether another packet of this client must be refused, because too much waits for the cluster. The
   * clients share the bound: the client that waits with most meets it first.
   */
  isFull(client: ClientId, bytes: number): boolean {
    const { outboxBytesMax } = this.#context.options.limits;
    return !isWithinShare(this.#waiting.bytesOf(client), bytes, this.bytes, outboxBytesMax);
  }

  add(command: Command, request: PendingRequest | null = null): void {
    const { nowMs, state } = this.#context;
    if (this.#batches.length === 0 && this.#waiting.size === 0) this.#lastProgressMs = nowMs;
    if (command.kind === 'recover') this.#recoveredItems++;
    const received = { receivedMs: nowMs, receivedIndex: state.index };
    this.#waiting.add({ command, request, answered: false, deliveredEarly: false, ...received });
  }

  /** Returns the time since which proposals make no progress, or null when no proposal is waiting. */
  stalledSinceMs(): number | null {
    return this.#batches.length + this.#waiting.size === 0 ? null : this.#lastProgressMs;
  }

  /**
   * Restarts the timeout for proposals without progress after a pause of this process, because the cluster
   * may have made progress during the pause.
   */
  resetStall(): void {
    this.#lastProgressMs = this.#context.nowMs;
  }

  /** Sends all unapplied batches again, because the leader or the link to it is new. */
  resendAll(): void {
    this.#sending++;
  }

  /**
   * Makes the `open` commands of disconnected clients conditional in the next turn, so that these commands do
   * not take over a newer connection.
   */
  markOpenAbandoned(): void {
    this.#abandoned = true;
  }

  /**
   * Puts waiting commands into batches. With `unbounded` it takes all waiting commands, because an isolated
   * member writes them to its disk.
   */
  form(unbounded: boolean): void {
    const { batchesInFlightMax } = this.#context.options.limits;
    if (this.#abandoned) this.#markAbandoned();
    while (unbounded || this.#batches.length < batchesInFlightMax) {
      const { commands, largeBytes } = this.#waiting.take(unbounded ? null : this.#largeBytes);
      if (commands.length === 0) return;
      const sequence = this.#nextSequence++;
      const encoded = this.#encode(sequence, commands);
      this.#batches.push({
        sequence,
        createdMs: this.#context.nowMs,
        commands,
        largeBytes,
        encoded,
        sentIn: 0,
        outbox: 'none',
        outboxBytes: 0,
        overflowed: false,
      });
      this.#batchBytes += encoded.length;
      this.#largeBytes += largeBytes;
    }
  }

  /** Returns the encoded batches that are due to be sent to the leader, in order. */
  takeDueBatches(): Uint8Array[] {
    const { nowMs, options } = this.#context;
    const window = this.#sendWindow();
    if (window > 0 && nowMs >= Math.max(this.#lastProgressMs, this.#lastSentAgainMs) + this.#resendMs) {
      this.#sending++;
      this.#lastSentAgainMs = nowMs;
      this.#resendMs = Math.min(this.#resendMs * 2, options.timings.resendMsMax);
    }
    const encoded: Uint8Array[] = [];
    for (let position = 0; position < window; position++) {
      const batch = this.#batches[position]!;
      if (batch.sentIn === this.#sending) continue;
      batch.sentIn = this.#sending;
      encoded.push(batch.encoded);
    }
    return encoded;
  }

  /**
   * Returns how many batches may be sent but not yet applied. The bound is lower for large batches than for
   * small batches. An isolated member forms one batch per turn.
   */
  #sendWindow(): number {
    const { batchBytesMax, batchesInFlightMax } = this.#context.options.limits;
    if (this.#batches.length <= batchesInFlightMax) return this.#batches.length;
    let bytes = 0;
    let window = 0;
    while (window < this.#batches.length && window < smallBatchesInFlightMax) {
      bytes += this.#batches[window]!.encoded.length;
      if (window >= batchesInFlightMax && bytes > batchesInFlightMax * batchBytesMax) break;
      window++;
    }
    return window;
  }

  /** Returns the batch with this sequence number while it is unapplied. */
  find(sequence: number): PendingBatch | undefined {
    const first = this.#batches[0];
    return first === undefined ? undefined : this.#batches[sequence - first.sequence];
  }

  /** Removes and returns an applied batch. */
  applied(sequence: number): PendingBatch | undefined {
    const batch = this.#batches[0];
    if (batch === undefined || batch.sequence !== sequence) return undefined;
    this.#batches.shift();
    this.#drop(batch);
    this.#lastProgressMs = this.#context.nowMs;
    this.#resendMs = this.#context.options.timings.resendMs;
    return batch;
  }

  /**
   * Removes and returns all batches up to `sequence`, which an installed snapshot contains. Their clients
   * have no answer.
   */
  appliedBySnapshot(sequence: number): PendingBatch[] {
    const done: PendingBatch[] = [];
    while (this.#batches.length > 0 && this.#batches[0]!.sequence <= sequence) {
      const batch = this.#batches.shift()!;
      this.#drop(batch);
      done.push(batch);
    }
    this.#lastProgressMs = this.#context.nowMs;
    this.#sending++;
    return done;
  }

  /**
   * Prepares unapplied batches for the outbox: marks every QoS 1 publish as isolated and makes the opens of
   * clean sessions conditional. The batches keep their numbers, so only one copy is applied. Returns the
   * items that the disk must hold before the degraded acknowledgements, and the number of publishes without
   * room.
   */
  degrade(isolatedSince: LogIndex): { items: OutboxItem[]; full: number } {
    const items: OutboxItem[] = [];
    let full = 0;
    for (const batch of this.#batches) {
      if (batch.outbox !== 'none') continue;
      if (batch.overflowed && this.#outboxBytes >= this.#overflowedAtBytes) continue;
      const publishes = this.#isolate(batch, isolatedSince);
      if (publishes.length === 0) continue;
      const data = encodePublishes(publishes);
      if (this.#outboxBytes + data.length > this.#context.options.limits.outboxBytesMax) {
        // The publishes are neither acknowledged nor rejected: they wait for a majority, as with
        // `whenIsolated: hold`.
        if (!batch.overflowed) full += publishes.length;
        batch.overflowed = true;
        this.#overflowedAtBytes = this.#outboxBytes;
        continue;
      }
      batch.outbox = 'writing';
      batch.outboxBytes = data.length;
      this.#outboxBytes += data.length;
      const incarnation = this.#context.options.recovered.incarnation;
      items.push({ incarnation, sequence: batch.sequence, data });
    }
    return { items, full };
  }

  outboxStored(sequence: number): PendingBatch | undefined {
    const batch = this.find(sequence);
    if (batch?.outbox === 'writing') batch.outbox = 'stored';
    return batch;
  }

  outboxRefused(sequence: number): void {
    const batch = this.find(sequence);
    if (batch?.outbox !== 'writing') return;
    batch.outbox = 'none';
    this.#outboxBytes -= batch.outboxBytes;
    batch.outboxBytes = 0;
  }

  /** Counts the publishes that the cluster has not applied and that have no degraded acknowledgement. */
  countWaitingPublishes(): [number, number, number] {
    const counts: [number, number, number] = [0, 0, 0];
    for (const { command, answered } of this.unanswered())
      if (command.kind === 'publish' && !answered) counts[command.message.qos]++;
    return counts;
  }

  *unanswered(): Iterable<PendingCommand> {
    for (const batch of this.#batches) yield* batch.commands;
    yield* this.#waiting;
  }

  #markAbandoned(): void {
    this.#abandoned = false;
    const { isolated } = this.#context;
    for (const pending of this.#waiting) markIfAbandoned(pending, isolated);
    for (const batch of this.#batches) {
      let changed = false;
      for (const pending of batch.commands) changed = markIfAbandoned(pending, isolated) || changed;
      if (changed) this.#encodeAgain(batch);
    }
  }

  /**
   * Encodes a changed batch with its old sequence number. Members apply only the copy that is committed
   * first.
   */
  #encodeAgain(batch: PendingBatch): void {
    this.#batchBytes -= batch.encoded.length;
    batch.encoded = this.#encode(batch.sequence, batch.commands);
    this.#batchBytes += batch.encoded.length;
    batch.sentIn = 0;
  }

  #isolate(batch: PendingBatch, isolatedSince: LogIndex): PublishCommand[] {
    const publishes: PublishCommand[] = [];
    let changed = false;
    for (const pending of batch.commands) {
      const command = pending.command;
      if (command.kind === 'publish' && command.message.qos === 1) {
        const marked =
          command.isolatedSince === undefined
            ? {
                ...command,
                isolatedSince: canBeAnswered(pending)
                  ? isolatedSince
                  : Math.min(isolatedSince, pending.receivedIndex),
              }
            : command;
        changed ||= marked !== command;
        pending.command = marked;
        publishes.push(marked);
      } else if (command.kind === 'open' && command.clean && command.expirySeconds === 0 && !command.adopt) {
        pending.command = { ...command, adopt: true };
        changed = true;
      }
    }
    if (changed) this.#encodeAgain(batch);
    return publishes;
  }

  #encode(sequence: number, commands: readonly PendingCommand[]): Uint8Array {
    const { semantics, options, state } = this.#context;
    const { id, recovered } = options;
    const batch = {
      member: id,
      storeId: recovered.storeId,
      incarnation: recovered.incarnation,
      sequence,
      commands: commands.map((pending) => pending.command),
    };
    return semantics.encodeBatch(batch, state.semantics);
  }

  #drop(batch: PendingBatch): void {
    this.#batchBytes -= batch.encoded.length;
    this.#largeBytes -= batch.largeBytes;
    this.#outboxBytes -= batch.outboxBytes;
    for (const { command } of batch.commands) if (command.kind === 'recover') this.#recoveredItems--;
  }
}

/**
 * Returns true while the publisher is connected and can receive the degraded acknowledgement. A disconnected
 * publisher may have published this and newer messages elsewhere. The cluster then treats a retained message
 * as published when the home received it.
 */
function canBeAnswered({ request }: PendingCommand): boolean {
  return request?.kind !== 'publish' || request.connection.phase === 'open';
}

function markIfAbandoned(pending: PendingCommand, isolated: boolean): boolean {
  const { command, request } = pending;
  if (command.kind !== 'open' || command.adopt || request?.kind !== 'open') return false;
  if (request.connection.phase !== 'gone') return false;
  // The packets of a client that has left before its CONNACK are handled only if its session opens. Without a
  // majority the client may already be connected to another member when the `open` is applied.
  if (request.connection.deferred.length > 0 && !isolated) return false;
  pending.command = { ...command, adopt: true };
  return true;
}
