import { semanticsVersion } from '@mqtt-cluster/contracts';
import type { Batch, ClientId, ClusterConfig, LogIndex, MemberId } from '@mqtt-cluster/contracts';
import { currentSemantics } from '@mqtt-cluster/member';
import type { SemanticsVersion } from '@mqtt-cluster/member';
import type { MqttState, Part, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MarkName } from '../history/marks.ts';

/** The version of the program that a member runs. The simulator has two versions. */
export type ProgramVersion = 'older' | 'newer';

const newerSemantics = semanticsVersion + 1;

/** Code of a `settings` command in the log, and of the command that the newer version writes instead. */
const settingsCode = 12;
const newerCode = 200;
/** Variable-length counts below this value take one byte. */
const oneByteCount = 128;

/**
 * Returns a semantics version that exists only in the simulator (docs/DESIGN.md, "Semantics version"). Once
 * it is in force, it encodes a change of settings as a command that the older version does not support. An
 * older member that applied such an entry would reach a state that differs from the state of the other
 * members.
 */
export function newerSemanticsVersion(mark: (name: MarkName) => void): SemanticsVersion {
  const wrap = (inner: MqttState): MqttState => new NewerState(inner, mark);
  return {
    version: newerSemantics,
    createState: (cache) => wrap(currentSemantics.createState(cache)),
    decodeState: (bytes, cache) => wrap(currentSemantics.decodeState(bytes, cache)),
    encodeBatch(batch, finalised) {
      const bytes = currentSemantics.encodeBatch(batch, finalised);
      return finalised < newerSemantics ? bytes : withNewerCommands(batch, bytes);
    },
  };
}

function withNewerCommands(batch: Batch, bytes: Uint8Array): Uint8Array {
  const { commands } = batch;
  if (commands.length >= oneByteCount) return bytes;
  for (const [place, { kind }] of commands.entries()) {
    if (kind !== 'settings') continue;
    const before = currentSemantics.encodeBatch({ ...batch, commands: commands.slice(0, place) }, 0);
    bytes[before.length] = newerCode;
  }
  return bytes;
}

/**
 * Returns the offsets of the command codes in an encoded batch; an empty list when the bytes are not a batch.
 */
function codePlaces(bytes: Uint8Array): number[] {
  let place = 1;
  const number = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[place] ?? 0;
      place += 1;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  // Member id, store id, incarnation and sequence number precede the commands.
  for (let text = 0; text < 2; text += 1) {
    const length = number();
    place += length;
  }
  number();
  number();
  const count = number();
  const places: number[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let command = 0; command < count && place + 5 <= bytes.length; command += 1) {
    places.push(place);
    place += 5 + view.getUint32(place + 1);
  }
  return places;
}

/** Replicated state of the newer version: it translates the newer command before it applies a batch. */
class NewerState implements MqttState {
  readonly #inner: MqttState;
  readonly #mark: (name: MarkName) => void;

  constructor(inner: MqttState, mark: (name: MarkName) => void) {
    this.#inner = inner;
    this.#mark = mark;
  }

  apply(index: LogIndex, timeMs: number, batch: Uint8Array | null): readonly StateEffect[] {
    const before = this.#inner.semantics;
    const effects = this.#inner.apply(index, timeMs, batch === null ? null : this.#translated(batch));
    if (before < newerSemantics && this.#inner.semantics >= newerSemantics) this.#mark('semantics-finalised');
    return effects;
  }

  #translated(batch: Uint8Array): Uint8Array {
    const places = codePlaces(batch).filter((place) => batch[place] === newerCode);
    if (places.length === 0) return batch;
    const copy = Uint8Array.from(batch);
    for (const place of places) copy[place] = settingsCode;
    this.#mark('newer-command-applied');
    return copy;
  }

  applyConfig(index: LogIndex, config: ClusterConfig): readonly StateEffect[] {
    return this.#inner.applyConfig(index, config);
  }

  encode = (): Uint8Array => this.#inner.encode();
  beginEncoding = (): ReturnType<MqttState['beginEncoding']> => this.#inner.beginEncoding();
  digest = (part?: Part): string => this.#inner.digest(part);
  nextDeadline = (): number | null => this.#inner.nextDeadline();
  session = (client: ClientId): ReturnType<MqttState['session']> => this.#inner.session(client);
  willExceedsBounds = (...given: Parameters<MqttState['willExceedsBounds']>): boolean =>
    this.#inner.willExceedsBounds(...given);
  retainedExceedsBounds = (...given: Parameters<MqttState['retainedExceedsBounds']>): boolean =>
    this.#inner.retainedExceedsBounds(...given);
  filterExceedsBounds = (...given: Parameters<MqttState['filterExceedsBounds']>): boolean =>
    this.#inner.filterExceedsBounds(...given);
  visitSessions = (...given: Parameters<MqttState['visitSessions']>): void =>
    this.#inner.visitSessions(...given);
  subscribers = (topic: string): ReturnType<MqttState['subscribers']> => this.#inner.subscribers(topic);
  subscribersWithFilter = (filter: string): ReturnType<MqttState['subscribersWithFilter']> =>
    this.#inner.subscribersWithFilter(filter);
  sharedSubscribers = (topic: string, round: number): ReturnType<MqttState['sharedSubscribers']> =>
    this.#inner.sharedSubscribers(topic, round);
  connectedSessions = (member: MemberId): ReturnType<MqttState['connectedSessions']> =>
    this.#inner.connectedSessions(member);
  visitRetained = (...given: Parameters<MqttState['visitRetained']>): string | null =>
    this.#inner.visitRetained(...given);
  retained = (filter: string): ReturnType<MqttState['retained']> => this.#inner.retained(filter);
  proposer = (member: MemberId): ReturnType<MqttState['proposer']> => this.#inner.proposer(member);
  counts = (): ReturnType<MqttState['counts']> => this.#inner.counts();

  get index(): LogIndex {
    return this.#inner.index;
  }

  get timeMs(): number {
    return this.#inner.timeMs;
  }

  get settings(): MqttState['settings'] {
    return this.#inner.settings;
  }

  get access(): MqttState['access'] {
    return this.#inner.access;
  }

  get semantics(): number {
    return this.#inner.semantics;
  }
}
