import type { Command, Message, OpenCommand, PublishCommand, QoS } from '@mqtt-cluster/contracts';
import { createMqttState, decodeMqttState, encodeBatch } from '../../src/index.ts';
import type { CommandResult, MqttState, QueueItem, StateEffect } from '../../src/index.ts';

export const start: Command = { kind: 'start', semantics: 1, outboxIncarnations: [] };

/** Payload of one readable word. */
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

/** Some members' homes in front of one state: numbers their batches and moves time by hand. */
export class StateDriver {
  state: MqttState = createMqttState();
  effects: readonly StateEffect[] = [];
  timeMs = 1_000;
  #homes = new Map<string, { storeId: string; incarnation: number; sequence: number }>();

  /** A new incarnation of the member's store (or of another store). */
  start(member: string, outboxIncarnations: readonly number[] = [], storeId = `store-${member}`): this {
    const earlier = this.#homes.get(member);
    const incarnation = earlier?.storeId === storeId ? earlier.incarnation + 1 : 1;
    this.#homes.set(member, { storeId, incarnation, sequence: 0 });
    this.propose(member, { kind: 'start', semantics: 1, outboxIncarnations });
    return this;
  }

  /** One batch. @returns the results of its commands; none when it was not applied. */
  propose(member: string, ...commands: Command[]): readonly CommandResult[] {
    if (!this.#homes.has(member)) this.start(member);
    const home = this.home(member);
    home.sequence++;
    this.apply(encodeBatch({ member, ...home, commands }));
    return this.results;
  }

  /** One command of one batch. */
  applyOne(member: string, command: Command): CommandResult {
    const [result] = this.propose(member, command);
    if (!result) throw new Error('The batch was not applied.');
    return result;
  }

  apply(batch: Uint8Array | null): readonly StateEffect[] {
    // Another member has just restarted from a snapshot: it must see the same, whatever the test is about.
    const restarted = decodeMqttState(this.state.encode());
    const index = this.state.index + 1;
    this.effects = this.state.apply(index, this.timeMs, batch);
    expect(restarted.apply(index, this.timeMs, batch)).toEqual(this.effects);
    expect(Buffer.compare(restarted.encode(), this.state.encode())).toBe(0);
    expect(restarted.digest()).toBe(this.state.digest());
    return this.effects;
  }

  /** Lets cluster time pass, in one step, with an entry at its end. */
  advanceTime(ms: number): readonly StateEffect[] {
    this.timeMs += ms;
    return this.apply(null);
  }

  home(member: string): { storeId: string; incarnation: number; sequence: number } {
    const home = this.#homes.get(member);
    if (!home) throw new Error(`${member} has not started.`);
    return home;
  }

  get results(): readonly CommandResult[] {
    return this.effectsOfKind('batchApplied').at(-1)?.results ?? [];
  }

  effectsOfKind<Kind extends StateEffect['kind']>(kind: Kind): Extract<StateEffect, { kind: Kind }>[] {
    return this.effects.filter((effect) => effect.kind === kind) as Extract<StateEffect, { kind: Kind }>[];
  }

  /** Opens (a session of an hour, unless changed), and subscribes to the filters at QoS 2. @returns the epoch. */
  connect(member: string, client: string, changes: Partial<OpenCommand> = {}, ...filters: string[]): number {
    const opened = this.applyOne(member, openCommand(client, changes));
    if (opened.kind !== 'opened') throw new Error(`${client} was not let in: ${opened.kind}`);
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
