import type { Command, LogIndex, OutboxItem, PublishCommand, SessionProgress } from '@mqtt-cluster/contracts';
import { encodePublishes } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Request } from '../home/pending-request.ts';

/** Batches on their way, however small. */
const smallBatchesInFlightMax = 1_024;
/** A rough size of a command besides its payload, for the bounds. */
const commandOverheadBytes = 64;

export interface PendingCommand {
  command: Command;
  readonly request: Request | null;
  /** The client has its answer already (degraded ack). */
  answered: boolean;
  /** Delivered to this home's clients before the cluster had it. */
  deliveredEarly: boolean;
  readonly receivedMs: number;
  /** What this member had applied by then. */
  readonly receivedIndex: LogIndex;
}

export interface PendingBatch {
  readonly sequence: number;
  readonly createdMs: number;
  readonly commands: PendingCommand[];
  encoded: Uint8Array;
  /** Which sending it was last part of; see `#sending`. */
  sentIn: number;
  outbox: 'none' | 'writing' | 'stored';
  outboxBytes: number;
  /** The outbox had no room for it. */
  overflowed: boolean;
}

/**
 * What this home asks of the cluster: commands in their order, in numbered batches, sent again until applied
 * (design, section 3). Without a majority the same batches, stored on the own disk, are the outbox (ADR 0004).
 */
export class Proposer {
  readonly #context: MemberContext;
  #pending: PendingCommand[] = [];
  #pendingBytes = 0;
  #batches: PendingBatch[] = [];
  #batchBytes = 0;
  #nextSequence = 1;
  /** Rises whenever everything unanswered is to be sent again. */
  #sending = 1;
  #lastProgressMs = 0;
  #lastSentAgainMs = 0;
  #resendMs: number;
  #outboxBytes = 0;
  #abandoned = false;
  #overflowedAtBytes = 0;

  constructor(context: MemberContext) {
    this.#context = context;
    this.#resendMs = context.options.timings.resendMs;
    this.#lastProgressMs = context.nowMs;
  }

  /** Commands wait for a batch that may be formed now. */
  get hasPending(): boolean {
    return this.#pending.length > 0 && this.#batches.length < this.#context.options.limits.batchesInFlightMax;
  }

  get pendingCommands(): number {
    let count = this.#pending.length;
    for (const batch of this.#batches) count += batch.commands.length;
    return count;
  }

  get outboxItems(): number {
    return this.#batches.reduce((count, batch) => count + (batch.outbox === 'none' ? 0 : 1), 0);
  }

  get outboxBytes(): number {
    return this.#outboxBytes;
  }

  get bytes(): number {
    return this.#pendingBytes + this.#batchBytes;
  }

  add(command: Command, request: Request | null = null): void {
    const { nowMs, state } = this.#context;
    if (this.#batches.length === 0 && this.#pending.length === 0) this.#lastProgressMs = nowMs;
    const received = { receivedMs: nowMs, receivedIndex: state.index };
    this.#pending.push({ command, request, answered: false, deliveredEarly: false, ...received });
    this.#pendingBytes += commandBytes(command);
  }

  /** Since when its oldest unapplied command has made no progress, or null when nothing waits. */
  stalledSinceMs(): number | null {
    return this.#batches.length + this.#pending.length === 0 ? null : this.#lastProgressMs;
  }

  /** A pause of this process is no stall of the cluster. */
  resetStall(): void {
    this.#lastProgressMs = this.#context.nowMs;
  }

  /** Everything unanswered is to be sent again: another leader, or the link to it is new. */
  resendAll(): void {
    this.#sending++;
  }

  /** An opening whose client has gone, or was sent elsewhere, must not take anything from where the client is now. */
  markOpenAbandoned(): void {
    this.#abandoned = true;
  }

  /** Puts waiting commands into batches. `unbounded`: without a majority they all go to the disk. */
  form(unbounded: boolean): void {
    const { batchBytesMax, batchesInFlightMax } = this.#context.options.limits;
    if (this.#abandoned) this.#markAbandoned();
    while (this.#pending.length > 0 && (unbounded || this.#batches.length < batchesInFlightMax)) {
      let bytes = 0;
      let count = 0;
      while (count < this.#pending.length && (count === 0 || bytes < batchBytesMax)) {
        bytes += commandBytes(this.#pending[count]!.command);
        count++;
      }
      const commands = count === this.#pending.length ? this.#pending : this.#pending.slice(0, count);
      this.#pending = count === this.#pending.length ? [] : this.#pending.slice(count);
      this.#pendingBytes -= bytes;
      const sequence = this.#nextSequence++;
      const encoded = this.#encode(sequence, commands);
      this.#batches.push({
        sequence,
        createdMs: this.#context.nowMs,
        commands,
        encoded,
        sentIn: 0,
        outbox: 'none',
        outboxBytes: 0,
        overflowed: false,
      });
      this.#batchBytes += encoded.length;
    }
  }

  /** What is to be sent to the leader now, in order. */
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

  /** How many batches may be on their way: a few large ones, or as many small ones (an island makes one a turn). */
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

  /** The batch of that number, while it is unapplied. */
  find(sequence: number): PendingBatch | undefined {
    const first = this.#batches[0];
    return first === undefined ? undefined : this.#batches[sequence - first.sequence];
  }

  /** The batch was applied: hands it back, with what is to be deleted from the outbox. */
  applied(sequence: number): PendingBatch | undefined {
    const batch = this.#batches[0];
    if (batch === undefined || batch.sequence !== sequence) return undefined;
    this.#batches.shift();
    this.#drop(batch);
    this.#lastProgressMs = this.#context.nowMs;
    this.#resendMs = this.#context.options.timings.resendMs;
    return batch;
  }

  /** A snapshot says that everything up to `sequence` was applied: hands back what that was, unanswered. */
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
   * Without a majority: marks every unapplied QoS 1 publish as isolated and every clean opening as to be adopted, under
   * their old numbers (whichever copy is committed counts, once), and says what the disk must hold before they are acked.
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
        // Not acked, and not refused either: it waits for the majority like under `hold`.
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

  *unanswered(): Iterable<PendingCommand> {
    for (const batch of this.#batches) yield* batch.commands;
    yield* this.#pending;
  }

  #markAbandoned(): void {
    this.#abandoned = false;
    for (const pending of this.#pending) markIfAbandoned(pending);
    for (const batch of this.#batches) {
      let changed = false;
      for (const pending of batch.commands) changed = markIfAbandoned(pending) || changed;
      if (changed) this.#encodeAgain(batch);
    }
  }

  /** Under its old number: whichever copy is committed counts, once. */
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
                isolatedSince: isHeard(pending)
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
    this.#outboxBytes -= batch.outboxBytes;
  }
}

/**
 * Whether somebody is there to hear the degraded ack. Else its client may have sent it again elsewhere, and more after it: to
 * what is retained it counts as of when it came.
 */
function isHeard({ request }: PendingCommand): boolean {
  return request?.kind !== 'publish' || request.connection.phase === 'open';
}

/** What a command takes in a batch, roughly; nothing unbounded may count as small. */
function commandBytes(command: Command): number {
  switch (command.kind) {
    case 'publish':
      return commandOverheadBytes + command.message.payload.length + command.message.topic.length;
    case 'recover':
      return command.publishes.reduce(
        (bytes, publish) => bytes + commandBytes(publish),
        commandOverheadBytes,
      );
    case 'open':
      return commandOverheadBytes + (command.will?.payload.length ?? 0) + (command.will?.topic.length ?? 0);
    case 'subscribe':
      return command.subscriptions.reduce((bytes, { filter }) => bytes + filter.length, commandOverheadBytes);
    case 'unsubscribe':
      return command.filters.reduce((bytes, filter) => bytes + filter.length, commandOverheadBytes);
    case 'progress':
      return command.sessions.reduce(
        (bytes, session) => bytes + progressBytes(session),
        commandOverheadBytes,
      );
    default:
      return commandOverheadBytes;
  }
}

/** Bytes of one number in a progress command. */
const progressNumberBytes = 5;

function progressBytes({ client, done = [], received = [], completed = [] }: SessionProgress): number {
  return client.length + (done.length + received.length + completed.length) * progressNumberBytes;
}

function markIfAbandoned(pending: PendingCommand): boolean {
  const { command, request } = pending;
  if (command.kind !== 'open' || command.adopt || request?.kind !== 'open') return false;
  if (request.connection.phase !== 'gone') return false;
  pending.command = { ...command, adopt: true };
  return true;
}
