import type {
  Command,
  Message,
  OpenCommand,
  ProgressCommand,
  PublishCommand,
  QoS,
  SessionProgress,
  Will,
} from '@mqtt-cluster/contracts';
import { MemoryMessagePages } from '@mqtt-cluster/contracts/testing';
import { createMqttState, decodeMqttState, encodeBatch } from '../../src/index.ts';
import type { CommandResult, MqttState, QueueItem, StateEffect } from '../../src/index.ts';

export const start: Command = { kind: 'start', semantics: 1, outboxIncarnations: [] };

/** A payload of UTF-8 text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}

export function openCommand(client: string, changes: Partial<OpenCommand> = {}): OpenCommand {
  return { kind: 'open', client, clean: false, expirySeconds: 3_600, receiveMaximum: 100, ...changes };
}

export function publishCommand(
  topic: string,
  payload: string,
  qos: QoS = 1,
  changes: Partial<PublishCommand> & { retain?: boolean; properties?: Message['properties'] } = {},
): PublishCommand {
  const { retain = false, properties, ...rest } = changes;
  const message: Message = { topic, payload: bytes(payload), qos, retain, ...(properties && { properties }) };
  return { kind: 'publish', message, ...rest };
}

/** A will without a delay. */
export function willOf(changes: Partial<Will> = {}): Will {
  return { topic: 'w', payload: bytes('gone'), qos: 1, retain: false, delaySeconds: 0, ...changes };
}

/** Proposes batches of several members to one state: numbers the batches and sets cluster time. */
export class StateDriver {
  state: MqttState = createMqttState();
  effects: readonly StateEffect[] = [];
  timeMs = 1_000;
  #homes = new Map<string, { storeId: string; incarnation: number; sequence: number }>();

  /** Raises the semantics version one by one. */
  raiseSemantics(version: number): this {
    for (let next = this.state.semantics + 1; next <= version; next++)
      this.propose('a', { kind: 'semantics', version: next });
    return this;
  }

  /** Starts a new incarnation of the member, with the same store or another one. */
  start(member: string, outboxIncarnations: readonly number[] = [], storeId = `store-${member}`): this {
    const earlier = this.#homes.get(member);
    const incarnation = earlier?.storeId === storeId ? earlier.incarnation + 1 : 1;
    this.#homes.set(member, { storeId, incarnation, sequence: 0 });
    this.propose(member, { kind: 'start', semantics: 1, outboxIncarnations });
    return this;
  }

  /** Applies one batch. @returns the results of its commands; empty if the batch was not applied */
  propose(member: string, ...commands: Command[]): readonly CommandResult[] {
    if (!this.#homes.has(member)) this.start(member);
    const home = this.home(member);
    home.sequence++;
    this.apply(encodeBatch({ member, ...home, commands }));
    return this.results;
  }

  /** Applies a batch of one command. @returns the result of the command */
  applyOne(member: string, command: Command): CommandResult {
    const [result] = this.propose(member, command);
    if (!result) throw new Error('the batch was not applied');
    return result;
  }

  /**
   * Applies one entry, and checks that a member which has just loaded a snapshot, and keeps no message in memory, applies
   * it in the same way.
   */
  apply(batch: Uint8Array | null): readonly StateEffect[] {
    const restarted = decodeMqttState(this.state.encode(), { pages: new MemoryMessagePages(), bytesMax: 0 });
    const index = this.state.index + 1;
    this.effects = this.state.apply(index, this.timeMs, batch);
    expect(restarted.apply(index, this.timeMs, batch)).toEqual(this.effects);
    expect(Buffer.compare(restarted.encode(), this.state.encode())).toBe(0);
    expect(restarted.digest()).toBe(this.state.digest());
    return this.effects;
  }

  /** Advances cluster time in one step, and applies an entry without a batch. */
  advanceTime(ms: number): readonly StateEffect[] {
    this.timeMs += ms;
    return this.apply(null);
  }

  home(member: string): { storeId: string; incarnation: number; sequence: number } {
    const home = this.#homes.get(member);
    if (!home) throw new Error(`member ${member} has not started`);
    return home;
  }

  get results(): readonly CommandResult[] {
    return this.effectsOfKind('batchApplied').at(-1)?.results ?? [];
  }

  effectsOfKind<Kind extends StateEffect['kind']>(kind: Kind): Extract<StateEffect, { kind: Kind }>[] {
    return this.effects.filter((effect) => effect.kind === kind) as Extract<StateEffect, { kind: Kind }>[];
  }

  /**
   * Opens a session with an expiry of one hour (unless changed) and subscribes to the filters at QoS 2.
   * @returns the epoch
   */
  connect(member: string, client: string, changes: Partial<OpenCommand> = {}, ...filters: string[]): number {
    const opened = this.applyOne(member, openCommand(client, changes));
    if (opened.kind !== 'opened') throw new Error(`the session of ${client} was not opened: ${opened.kind}`);
    if (filters.length > 0) this.subscribe(member, client, ...filters);
    return opened.epoch;
  }

  subscribe(member: string, client: string, ...filters: string[]): CommandResult {
    const subscriptions = filters.map((filter) => ({ filter, qos: 2 as const }));
    return this.applyOne(member, { kind: 'subscribe', client, epoch: this.epoch(client), subscriptions });
  }

  close(member: string, client: string, graceful = true): CommandResult {
    return this.applyOne(member, { kind: 'close', client, epoch: this.epoch(client), graceful });
  }

  /** A progress command for the client's current epoch. */
  progress(client: string, part: Omit<SessionProgress, 'client' | 'epoch'>): ProgressCommand {
    return { kind: 'progress', sessions: [{ client, epoch: this.epoch(client), ...part }] };
  }

  epoch(client: string): number {
    return this.state.session(client)?.epoch ?? 0;
  }

  items(client: string): QueueItem[] {
    return [...(this.state.session(client)?.queue() ?? [])];
  }

  queued(client: string): string[] {
    return this.items(client).map((item) => text(item.message.payload));
  }

  retained(filter: string): string[] {
    return [...this.state.retained(filter)]
      .map(({ message }) => `${message.topic}=${text(message.payload)}`)
      .sort();
  }

  published(): string[] {
    return this.effectsOfKind('published').map(({ message }) => text(message.payload));
  }
}
