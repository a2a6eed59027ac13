import type { ClientId, ClusterConfig, ClusterSettings, LogIndex, MemberId } from '@mqtt-cluster/contracts';
import { decodeAnyBatch } from './codec/batch-codec.ts';
import type { AnyBatch } from './codec/batch-codec.ts';
import { applyCommand } from './commands/commands.ts';
import { admit, forgetOthers } from './commands/proposers.ts';
import { runTimers } from './session/session-ending.ts';
import { StateData, alarm } from './state-data.ts';
import type { Turn } from './state-data.ts';
import { decodeState, encodeState } from './codec/state-codec.ts';
import { StateDigester } from './codec/state-digest.ts';
import type {
  CommandResult,
  CreateMqttState,
  DecodeMqttState,
  MqttState,
  MqttStateCounts,
  RetainedMessage,
  SessionView,
  StateEffect,
} from './types.ts';

/** Times are whole milliseconds below this, so that adding the longest delay stays exact. */
const timeMsMax = 2 ** 52;

export const createMqttState: CreateMqttState = () => new ReplicatedMqttState(new StateData());

/** @throws FrameError the bytes are no state of a known format. */
export const decodeMqttState: DecodeMqttState = (bytes) => new ReplicatedMqttState(decodeState(bytes));

class ReplicatedMqttState implements MqttState {
  readonly #data: StateData;
  readonly #digester = new StateDigester();
  #digest: { readonly applies: number; readonly value: string } | null = null;

  constructor(data: StateData) {
    this.#data = data;
  }

  get index(): LogIndex {
    return this.#data.index;
  }

  get timeMs(): number {
    return this.#data.timeMs;
  }

  get settings(): ClusterSettings {
    return this.#data.settings;
  }

  get semantics(): number {
    return this.#data.semantics;
  }

  apply(index: LogIndex, timeMs: number, batch: Uint8Array | null): readonly StateEffect[] {
    return this.#turn(index, (turn) => {
      const { data } = turn;
      if (timeMs > data.timeMs) data.timeMs = Math.min(Math.floor(timeMs), timeMsMax);
      runTimers(turn);
      if (batch) applyBatch(turn, batch);
    });
  }

  applyConfig(index: LogIndex, config: ClusterConfig): readonly StateEffect[] {
    return this.#turn(index, (turn) => {
      const members = config.members.map(({ id, storeId, role }) => ({ id, storeId, role }));
      turn.data.config = { members };
      forgetOthers(turn, config);
    });
  }

  encode(): Uint8Array {
    return encodeState(this.#data);
  }

  digest(): string {
    const { applies } = this.#data;
    if (this.#digest?.applies !== applies) {
      this.#digest = { applies, value: this.#digester.digest(this.#data) };
    }
    return this.#digest.value;
  }

  nextDeadline(): number | null {
    return this.#data.timers.peek()?.deadline ?? null;
  }

  session(client: ClientId): SessionView | undefined {
    return this.#data.sessions.get(client);
  }

  sharing(topic: string, turn: number): readonly SessionView[] {
    const { sharedSubscriptions } = this.#data;
    if (sharedSubscriptions.size === 0) return [];
    return sharedSubscriptions.matches(topic).flatMap((group) => group.connectedAt(turn) ?? []);
  }

  connectedAt(member: MemberId): Iterable<SessionView> {
    return this.#data.homedAt(member).filter((session) => session.connected);
  }

  retained(filter: string): Iterable<RetainedMessage> {
    return this.#data.retained.matching(filter, this.#data.timeMs);
  }

  proposer(member: MemberId): ReturnType<MqttState['proposer']> {
    const known = this.#data.proposers.get(member);
    if (!known) return undefined;
    const { storeId, incarnation, sequence } = known;
    return { storeId, incarnation, sequence };
  }

  counts(): MqttStateCounts {
    const data = this.#data;
    let homed = 0;
    for (const sessions of data.homes.values()) homed += sessions.size;
    return {
      sessions: data.sessions.size,
      connected: homed - data.orphans,
      subscriptions: data.subscriptionCount,
      retained: data.retained.size,
      queuedMessages: data.queuedMessages,
      queuedBytes: data.queuedBytes,
    };
  }

  #turn(index: LogIndex, run: (turn: Turn) => void): readonly StateEffect[] {
    const data = this.#data;
    const turn: Turn = { data, effects: [], semantics: data.semantics, droppedQueueFull: 0 };
    data.applies++;
    if (index <= data.index || !Number.isSafeInteger(index)) {
      alarm(turn, `Entry ${index} does not come after ${data.index}; it was left out.`);
      return turn.effects;
    }
    data.index = index;
    try {
      run(turn);
    } catch (error) {
      // Whatever it is, all members do the same: better one strange state everywhere than none anywhere.
      alarm(turn, `Entry ${index} could not be applied to the end: ${String(error)}`);
    }
    tellDropped(turn);
    return turn.effects;
  }
}

function applyBatch(turn: Turn, bytes: Uint8Array): void {
  let batch: AnyBatch;
  try {
    batch = decodeAnyBatch(bytes);
  } catch (error) {
    alarm(turn, `Entry ${turn.data.index} holds no batch: ${String(error)}`);
    return;
  }
  const proposer = admit(turn, batch);
  if (!proposer) return;
  const { member, storeId, incarnation, sequence, commands } = batch;
  const header = { member, storeId, incarnation, sequence };
  const results: CommandResult[] = [];
  for (let position = 0; position < commands.length; position++) {
    const command = commands[position];
    if (command) results.push(applyCommand(turn, header, proposer, command, position));
  }
  tellDropped(turn);
  turn.effects.push({ kind: 'batchApplied', ...header, results });
}

function tellDropped(turn: Turn): void {
  if (turn.droppedQueueFull === 0) return;
  turn.effects.push({ kind: 'dropped', reason: 'queueFull', count: turn.droppedQueueFull });
  turn.droppedQueueFull = 0;
}
