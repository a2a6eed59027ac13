import type { ClientId, Command } from '@mqtt-cluster/contracts';
import { commandBytes } from './command-size.ts';
import { Fifo } from '../home/delivery/fifo.ts';
import type { MemberLimits } from '../options.ts';
import type { PendingCommand } from './pending-command.ts';

interface Waiting {
  readonly pending: PendingCommand;
  readonly bytes: number;
  /** The command may leave when this many commands have left the common queue. */
  readonly after: number;
}

/** The commands of one client that wait for their turn, in order. */
interface Lane {
  readonly client: ClientId;
  readonly commands: Fifo<Waiting>;
  bytes: number;
  /** Bytes that the lane may send in its turns so far. */
  credit: number;
}

/** The commands of one batch. */
export interface TakenCommands {
  readonly commands: PendingCommand[];
  /** Bytes of the large commands among them. */
  readonly largeBytes: number;
}

/**
 * The commands of a home that wait for a batch.
 *
 * Small commands wait in one common queue while they fit into one batch. Large commands, and all commands that do
 * not fit, wait in a lane of their client. The lanes take turns (Shreedhar and Varghese, "Efficient Fair Queuing Using
 * Deficit Round Robin", 1995), so one client's large commands delay the small commands of another client by at most
 * the large commands on their way to the leader.
 *
 * The commands of one client keep their order: while a client has a lane, all its commands wait there. A lane never
 * overtakes the common queue.
 */
export class WaitingCommands {
  readonly #limits: MemberLimits;
  readonly #common = new Fifo<Waiting>();
  #commonBytes = 0;
  #addedToCommon = 0;
  #takenFromCommon = 0;
  /** In the order of their turns. No lane is empty. */
  readonly #lanes = new Map<ClientId, Lane>();
  #laneBytes = 0;
  #laneCommands = 0;

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#common.length + this.#laneCommands;
  }

  get bytes(): number {
    return this.#commonBytes + this.#laneBytes;
  }

  /** Bytes of the commands in the lane of this client. */
  bytesOf(client: ClientId): number {
    return this.#lanes.get(client)?.bytes ?? 0;
  }

  add(pending: PendingCommand): void {
    const bytes = commandBytes(pending.command);
    const client = clientOf(pending.command);
    const lane = client !== null && this.#lanes.size > 0 ? this.#lanes.get(client) : undefined;
    if (lane !== undefined) return this.#addTo(lane, pending, bytes);
    const isCommon =
      bytes <= this.#limits.largeCommandBytes && this.#commonBytes < this.#limits.batchBytesMax;
    if (client === null || isCommon) {
      this.#common.push({ pending, bytes, after: 0 });
      this.#commonBytes += bytes;
      this.#addedToCommon++;
      return;
    }
    const added: Lane = { client, commands: new Fifo(), bytes: 0, credit: 0 };
    this.#lanes.set(client, added);
    this.#addTo(added, pending, bytes);
  }

  /** Returns whether {@link take} would return a command. */
  canTake(largeInFlight: number): boolean {
    if (this.#common.length > 0) return true;
    const largeLeft = this.#largeLeft(largeInFlight);
    for (const lane of this.#lanes.values()) if (this.#isDue(lane, largeLeft)) return true;
    return false;
  }

  /**
   * Removes and returns the commands of the next batch, at least one if {@link canTake} returns true. The last command
   * can exceed the bytes of a batch.
   *
   * @param largeInFlight bytes of the large commands that are on their way; null if they have no bound
   */
  take(largeInFlight: number | null): TakenCommands {
    const { batchBytesMax } = this.#limits;
    const commands: PendingCommand[] = [];
    // The lanes get at least half of each batch, so that many small commands of other clients do not stop them.
    const commonBytesMax = this.#lanes.size === 0 ? batchBytesMax : batchBytesMax / 2;
    let bytes = 0;
    while (bytes < commonBytesMax) {
      const first = this.#common.shift();
      if (first === undefined) break;
      commands.push(first.pending);
      bytes += first.bytes;
      this.#takenFromCommon++;
    }
    this.#commonBytes -= bytes;
    if (this.#lanes.size === 0) return { commands, largeBytes: 0 };
    return { commands, largeBytes: this.#takeFromLanes(commands, batchBytesMax - bytes, largeInFlight) };
  }

  *[Symbol.iterator](): Iterator<PendingCommand> {
    for (const { pending } of this.#common) yield pending;
    for (const { commands } of this.#lanes.values()) for (const { pending } of commands) yield pending;
  }

  #addTo(lane: Lane, pending: PendingCommand, bytes: number): void {
    lane.commands.push({ pending, bytes, after: this.#addedToCommon });
    lane.bytes += bytes;
    this.#laneBytes += bytes;
    this.#laneCommands++;
  }

  /** Gives the lanes turns until the room is used up or no lane is due. @returns the bytes of large commands */
  #takeFromLanes(commands: PendingCommand[], room: number, largeInFlight: number | null): number {
    const left = { room, largeBytes: 0, largeInFlight };
    while (left.room > 0 && this.#lanes.size > 0) {
      const before = commands.length;
      let turnsMissing = Infinity;
      for (const lane of [...this.#lanes.values()]) {
        if (left.room <= 0) return left.largeBytes;
        if (!this.#isDue(lane, this.#largeLeftIn(left))) continue;
        // The lane that has its turn goes behind the others.
        this.#lanes.delete(lane.client);
        this.#lanes.set(lane.client, lane);
        lane.credit += this.#limits.largeCommandBytes;
        turnsMissing = Math.min(turnsMissing, this.#takeTurn(lane, commands, left));
      }
      if (commands.length > before) continue;
      if (turnsMissing === Infinity) break;
      // No lane has enough credit: all of them get the turns that the first one lacks, less the next one.
      for (const lane of this.#lanes.values())
        if (this.#isDue(lane, this.#largeLeftIn(left)))
          lane.credit += (turnsMissing - 1) * this.#limits.largeCommandBytes;
    }
    return left.largeBytes;
  }

  /** Takes what the credit of the lane permits. @returns the turns until its next command; Infinity if another reason stops it */
  #takeTurn(lane: Lane, commands: PendingCommand[], left: RoomLeft): number {
    while (left.room > 0 && lane.commands.length > 0 && this.#isDue(lane, this.#largeLeftIn(left))) {
      const first = lane.commands.peek()!;
      if (first.bytes > lane.credit)
        return Math.ceil((first.bytes - lane.credit) / this.#limits.largeCommandBytes);
      this.#remove(lane, first);
      commands.push(first.pending);
      left.room -= first.bytes;
      if (this.#isLarge(first)) left.largeBytes += first.bytes;
    }
    return Infinity;
  }

  #remove(lane: Lane, { bytes }: Waiting): void {
    lane.commands.shift();
    lane.bytes -= bytes;
    lane.credit -= bytes;
    this.#laneBytes -= bytes;
    this.#laneCommands--;
    if (lane.commands.length === 0) this.#lanes.delete(lane.client);
  }

  #largeLeftIn({ largeBytes, largeInFlight }: RoomLeft): number {
    return largeInFlight === null ? Infinity : this.#largeLeft(largeInFlight + largeBytes);
  }

  /** Returns the size up to which another large command may leave. A single one may always leave. */
  #largeLeft(largeInFlight: number): number {
    return largeInFlight === 0 ? Infinity : this.#limits.largeInFlightBytesMax - largeInFlight;
  }

  #isLarge({ bytes }: Waiting): boolean {
    return bytes > this.#limits.largeCommandBytes;
  }

  /** Returns whether the first command of a lane may leave, apart from its turn. */
  #isDue({ commands }: Lane, largeLeft: number): boolean {
    const first = commands.peek()!;
    return first.after <= this.#takenFromCommon && (!this.#isLarge(first) || first.bytes <= largeLeft);
  }
}

/** What a batch under construction may still take. */
interface RoomLeft {
  room: number;
  largeBytes: number;
  readonly largeInFlight: number | null;
}

/** Returns the client whose commands keep their order with this one, or null. */
function clientOf(command: Command): ClientId | null {
  switch (command.kind) {
    case 'open':
    case 'close':
    case 'subscribe':
    case 'unsubscribe':
    case 'publish':
    case 'release':
      return command.client ?? null;
    case 'progress':
      return command.sessions.length === 1 ? command.sessions[0]!.client : null;
    default:
      return null;
  }
}
