/**
 * The MQTT state of the cluster as a pure state machine.
 *
 * Every member applies the same log entries in the same order to a state of its own. A normal entry holds one
 * batch: the commands that one home proposed, such as opening a session or publishing a message. `apply`
 * changes the state and returns effects. The home of a client turns effects and command results into packets;
 * see `libs/member`.
 *
 * - `access` holds users and rules, and decides which wills may be published.
 * - `commands` applies batches: proposers check their numbers, then each command is applied.
 * - `session` holds sessions, their queues and timers, and how sessions open and end.
 * - `bodies` holds the messages of all queues, in memory or on pages.
 * - `topics` holds topic filters, subscriptions, shared subscriptions and retained messages.
 * - `codec` encodes batches, outbox items and snapshots, and computes the digest of the state.
 *
 * `apply` must be deterministic: it reads only the entry and the state. It reads no clock, no setting of this
 * member and no order that is not replicated. It throws only if a message on a page cannot be read again, which ends the
 * member. See docs/DESIGN.md, "The log and its entries".
 */

import { accessSemantics, conformanceSemantics, MessagePageError } from '@mqtt-cluster/contracts';
import type {
  AccessTable,
  ClientId,
  ClusterConfig,
  ClusterSettings,
  LogIndex,
  MemberId,
  Message,
  Subscription,
  Will,
} from '@mqtt-cluster/contracts';
import { wholeBytes } from '@mqtt-cluster/contracts';
import { decodeBatchLeniently } from './codec/batch-codec.ts';
import type { LenientBatch } from './codec/batch-codec.ts';
import { applyCommand } from './commands/commands.ts';
import { admitBatch, endRemovedConnections } from './commands/proposers.ts';
import { runDueTimers } from './session/due-timers.ts';
import { hasRoomForWill } from './session/session-opening.ts';
import { StateData, alarm } from './state-data.ts';
import type { ApplyContext } from './state-data.ts';
import { StepwiseEncoding } from './codec/state-encoding.ts';
import { decodeState, whole } from './codec/state-codec.ts';
import { StateDigester } from './codec/state-digest.ts';
import { isWithinRetainedBounds } from './topics/retained-bounds.ts';
import { retainedNodesPerEntryMax } from './topics/retained-cursors.ts';
import { exceedsBounds } from './topics/subscribing.ts';
import type { VisitBudget } from './topics/topic-tree.ts';
import type {
  CommandResult,
  CreateMqttState,
  DecodeMqttState,
  MqttState,
  MqttStateCounts,
  RetainedMessage,
  SessionView,
  SharedSubscriber,
  StateEffect,
  StateEncoding,
  Subscriber,
} from './types.ts';

/**
 * Upper bound of cluster time in ms. Below this bound, the sum of a time and the longest delay is an exact
 * integer.
 */
const timeMsMax = 2 ** 52;

/** Returns an empty state. */
export const createMqttState: CreateMqttState = (cache) => new ReplicatedMqttState(new StateData(cache));

/** Decodes a snapshot. @throws FrameError the bytes are not a state of a known format */
export const decodeMqttState: DecodeMqttState = (bytes, cache) =>
  new ReplicatedMqttState(decodeState(bytes, cache));

class ReplicatedMqttState implements MqttState {
  readonly #data: StateData;
  readonly #digester = new StateDigester();

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

  get access(): AccessTable {
    return this.#data.access;
  }

  apply(index: LogIndex, timeMs: number, batch: Uint8Array | null): readonly StateEffect[] {
    return this.#applyEntry(index, (context) => {
      const { data } = context;
      if (timeMs > data.timeMs) data.timeMs = Math.min(Math.floor(timeMs), timeMsMax);
      runDueTimers(context);
      if (batch) applyBatch(context, batch);
    });
  }

  applyConfig(index: LogIndex, config: ClusterConfig): readonly StateEffect[] {
    return this.#applyEntry(index, (context) => {
      const members = config.members.map(({ id, storeId, role }) => ({ id, storeId, role }));
      context.data.config = { members };
      endRemovedConnections(context, config);
    });
  }

  encode(): Uint8Array {
    return wholeBytes(new StepwiseEncoding(this.#data).finish());
  }

  beginEncoding(): StateEncoding {
    return new StepwiseEncoding(this.#data);
  }

  digest(part = whole): string {
    return this.#digester.digest(this.#data, part);
  }

  nextDeadline(): number | null {
    const { timers, retained, queueExpiries, semantics } = this.#data;
    const session = timers.peek()?.deadline ?? Infinity;
    const message = retained.nextExpiry() ?? Infinity;
    // Older semantics versions delete no queued messages, so their expiries would stay due.
    const queued = semantics < conformanceSemantics ? Infinity : (queueExpiries.peek()?.deadline ?? Infinity);
    const deadline = Math.min(session, message, queued);
    return deadline === Infinity ? null : deadline;
  }

  willExceedsBounds(client: ClientId, will: Will, user: string | null): boolean {
    const data = this.#data;
    if (data.semantics < accessSemantics) return false;
    const known = data.sessions.get(client);
    return !hasRoomForWill(data, { client, will, owner: known?.owner ?? user }, known);
  }

  retainedExceedsBounds(message: Message): boolean {
    const data = this.#data;
    const owner = data.sessions.get(message.publisher ?? '')?.owner ?? null;
    return !isWithinRetainedBounds({ data, semantics: data.semantics }, message, owner);
  }

  filterExceedsBounds(client: ClientId, subscription: Subscription): boolean {
    const session = this.#data.sessions.get(client);
    return session !== undefined && exceedsBounds(this.#data, session, subscription);
  }

  session(client: ClientId): SessionView | undefined {
    return this.#data.sessions.get(client);
  }

  visitSessions(after: ClientId | null, visit: (session: SessionView) => boolean): void {
    this.#data
      .sessionsByClientNow()
      .visitFrom(after ?? '', (session) => session.client === after || visit(session));
  }

  *subscribers(topic: string): Iterable<Subscriber> {
    yield* this.#data.subscriptions.matches(topic);
    for (const group of this.#data.sharedSubscriptionTrie.matches(topic)) yield* group.subscribers();
  }

  subscribersWithFilter(filter: string): Iterable<Subscriber> {
    const group = this.#data.sharedSubscriptions.get(filter);
    return group?.subscribers() ?? this.#data.subscriptions.withFilter(filter);
  }

  sharedSubscribers(topic: string, round: number): readonly SharedSubscriber[] {
    const { sharedSubscriptionTrie } = this.#data;
    if (sharedSubscriptionTrie.size === 0) return [];
    return sharedSubscriptionTrie.matches(topic).flatMap((group) => {
      const session = group.connectedSession(round);
      return session === undefined ? [] : [{ filter: group.key, session }];
    });
  }

  connectedSessions(member: MemberId): Iterable<SessionView> {
    return this.#data.sessionsHomedAt(member).filter((session) => session.connected);
  }

  retained(filter: string, timeMs = this.#data.timeMs): Iterable<RetainedMessage> {
    return this.#data.retained.matching(filter, timeMs);
  }

  visitRetained(
    filter: string,
    after: string | null,
    timeMs: number,
    visit: (retained: RetainedMessage) => boolean,
    budget?: VisitBudget,
  ): string | null {
    return this.#data.retained.visitAfter(filter, after, timeMs, visit, budget && { budget });
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
    for (const sessions of data.sessionsByHome.values()) homed += sessions.size;
    return {
      sessions: data.sessions.size,
      connected: homed - data.orphanCount,
      subscriptions: data.subscriptionCount,
      retained: data.retained.size,
      queuedMessages: data.queuedMessages,
      queuedBytes: data.queuedBytes,
      queueMemory: data.usage.queueBytes,
      retainedBytes: data.usage.retainedBytes,
      subscriptionBytes: data.subscriptionBytes,
      willBytes: data.usage.willBytes,
    };
  }

  #applyEntry(index: LogIndex, run: (context: ApplyContext) => void): readonly StateEffect[] {
    const data = this.#data;
    const context: ApplyContext = {
      data,
      effects: [],
      semantics: data.semantics,
      droppedAtBound: 0,
      droppedAtShare: 0,
      retainedTopics: [],
      retainedVisits: {
        nodesLeft: data.semantics < accessSemantics ? Infinity : retainedNodesPerEntryMax,
      },
      newRetained: [],
    };
    data.applyCount++;
    if (index <= data.index || !Number.isSafeInteger(index)) {
      alarm(context, `log entry ${index} ignored: the last applied entry is ${data.index}`);
      return context.effects;
    }
    data.index = index;
    try {
      run(context);
    } catch (error) {
      // A page is a fault of this member only: its state would differ from the others'.
      if (error instanceof MessagePageError) throw error;
      // The same error happens on every member, so the states stay equal. Without the catch, every member
      // would crash.
      alarm(context, `log entry ${index} applied only partly: ${String(error)}`);
    }
    this.#digester.prepare(context.newRetained);
    data.bodies.settle();
    reportDropped(context);
    return context.effects;
  }
}

function applyBatch(context: ApplyContext, bytes: Uint8Array): void {
  let batch: LenientBatch;
  try {
    batch = decodeBatchLeniently(bytes);
  } catch (error) {
    alarm(context, `log entry ${context.data.index} ignored: its bytes are not a batch: ${String(error)}`);
    return;
  }
  const proposer = admitBatch(context, batch);
  if (!proposer) return;
  const { member, storeId, incarnation, sequence, commands } = batch;
  const header = { member, storeId, incarnation, sequence };
  const results: CommandResult[] = [];
  for (let position = 0; position < commands.length; position++) {
    const command = commands[position];
    if (command) results.push(applyCommand(context, header, proposer, command, position));
  }
  reportDropped(context);
  context.effects.push({ kind: 'batchApplied', ...header, results });
}

function reportDropped(context: ApplyContext): void {
  const { effects, droppedAtBound, droppedAtShare } = context;
  if (droppedAtBound > 0) effects.push({ kind: 'dropped', reason: 'queueFull', count: droppedAtBound });
  if (droppedAtShare > 0) effects.push({ kind: 'dropped', reason: 'queueShare', count: droppedAtShare });
  context.droppedAtBound = 0;
  context.droppedAtShare = 0;
}
