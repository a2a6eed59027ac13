import type { Message } from '@mqtt-cluster/contracts';
import type { StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import type { Home } from '../home/home.ts';
import { headerOf } from './leader-duties.ts';
import type { PendingBatch, Proposer } from './proposer.ts';
import type { Replica } from './replica.ts';
import type { Serving } from '../cluster/serving.ts';
import type { PendingWrites } from './pending-writes.ts';

/** The components that receive the effects of applied entries. */
interface EffectConsumers {
  readonly home: Home;
  readonly proposer: Proposer;
  readonly serving: Serving;
  readonly writes: PendingWrites;
  readonly replica: Replica;
}

type BatchApplied = Extract<StateEffect, { kind: 'batchApplied' }>;
type Published = Extract<StateEffect, { kind: 'published' }>;

/**
 * A batch of this home with SUBSCRIBE or UNSUBSCRIBE. Its commands are answered between its messages, in the
 * order of the log, so that a subscription gets exactly the messages behind it.
 */
interface OrderedAnswers {
  readonly batch: PendingBatch;
  readonly applied: BatchApplied;
  /** Number of the commands that are answered. */
  answered: number;
  /** Retained messages of the batch that are not passed on yet. */
  readonly laterRetained: Set<Message>;
}

/** Passes the effects of applied entries to the home and its clients, to the outbox, and on as events. */
export class EffectDispatcher {
  readonly #context: MemberContext;
  readonly #consumers: EffectConsumers;
  /** The version of the users and rules that was last reported by an event. */
  #accessVersion: number;

  constructor(context: MemberContext, consumers: EffectConsumers) {
    this.#context = context;
    this.#accessVersion = context.state.access.version;
    this.#consumers = consumers;
  }

  onEffects(effects: readonly StateEffect[], entry: Uint8Array | null): void {
    const { storeId, incarnation } = this.#context.options.recovered;
    if (this.#context.options.measures !== undefined) this.#sampleDelivery(effects);
    const ordered = this.#orderedAnswers(effects);
    for (const effect of effects) {
      if (ordered !== null && effect.kind === 'published') this.#answerBefore(effect, ordered);
      const own = 'storeId' in effect && effect.storeId === storeId;
      const ownBatch = own && effect.incarnation === incarnation;
      if (effect.kind !== 'batchApplied') {
        this.#consumers.home.onEffect(
          effect,
          ownBatch ? this.#consumers.proposer.find(effect.sequence) : undefined,
        );
        this.#report(effect, entry);
      } else if (ownBatch) this.#onBatchApplied(effect, ordered?.answered ?? 0);
      else if (own && effect.incarnation > incarnation) this.#onStoreRegressed();
    }
    this.#consumers.home.entryApplied();
  }

  /**
   * Completes the batches of this home that an installed snapshot contains. The results are unknown, so
   * clients get no answers: they are disconnected and reconnect. Changes of users and rules continue
   * (libs/simulation/test/scenarios/11-laggard.test.ts).
   */
  onRestored(): void {
    const { id, recovered } = this.#context.options;
    const proposer = this.#context.state.proposer(id);
    if (proposer?.storeId === recovered.storeId && proposer.incarnation === recovered.incarnation) {
      for (const batch of this.#consumers.proposer.appliedBySnapshot(proposer.sequence)) {
        if (batch.sequence === 1) this.#consumers.serving.joined();
        this.#deleteFromOutbox(batch);
        for (const { request } of batch.commands) if (request?.kind === 'access') request.done(null);
      }
    }
    this.#reportAccess();
    this.#consumers.home.onRestored();
  }

  #orderedAnswers(effects: readonly StateEffect[]): OrderedAnswers | null {
    const applied = effects.findLast((effect) => effect.kind === 'batchApplied');
    const { storeId, incarnation } = this.#context.options.recovered;
    if (applied?.storeId !== storeId || applied.incarnation !== incarnation) return null;
    const batch = this.#consumers.proposer.find(applied.sequence);
    const changesSubscriptions = batch?.commands.some(
      ({ request }) => request?.kind === 'subscribe' || request?.kind === 'unsubscribe',
    );
    if (batch === undefined || !changesSubscriptions) return null;
    const laterRetained = new Set<Message>();
    for (const effect of effects)
      if (effect.kind === 'published' && effect.message.retain) laterRetained.add(effect.message);
    return { batch, applied, answered: 0, laterRetained };
  }

  #answerBefore(
    { storeId, incarnation, sequence, command, message }: Published,
    ordered: OrderedAnswers,
  ): void {
    const { batch, applied, laterRetained } = ordered;
    const isOfBatch = storeId === applied.storeId && incarnation === applied.incarnation;
    if (isOfBatch && sequence === applied.sequence)
      for (; ordered.answered < command; ordered.answered++)
        this.#answer(batch, ordered.answered, applied.results, laterRetained);
    laterRetained.delete(message);
  }

  #onBatchApplied({ sequence, results }: BatchApplied, answered: number): void {
    const batch = this.#consumers.proposer.applied(sequence);
    if (batch === undefined) return;
    this.#context.options.measures?.committed(this.#context.nowMs - batch.createdMs);
    if (sequence === 1) this.#consumers.serving.joined();
    this.#deleteFromOutbox(batch);
    for (let position = answered; position < batch.commands.length; position++)
      this.#answer(batch, position, results);
  }

  #answer(
    batch: PendingBatch,
    position: number,
    results: BatchApplied['results'],
    laterRetained?: ReadonlySet<Message>,
  ): void {
    const pending = batch.commands[position];
    const result = results[position];
    if (pending === undefined || result === undefined) return;
    if (result.kind === 'void') this.#context.options.observer?.mark('old-epoch-command-void');
    this.#consumers.home.answer(pending, result, laterRetained);
  }

  /** Deletes an applied batch from the outbox, because the cluster now has its messages. */
  #deleteFromOutbox(batch: PendingBatch): void {
    const { incarnation } = this.#context.options.recovered;
    if (batch.outbox !== 'none') {
      this.#consumers.writes.deleteOutbox({ incarnation, sequence: batch.sequence });
      this.#context.options.observer?.mark('outbox-healed');
    }
    for (const { request } of batch.commands)
      if (request?.kind === 'recover') this.#consumers.writes.deleteOutbox(request);
  }

  #onStoreRegressed(): void {
    const text =
      'the store of this member is older than its last state in the cluster: wipe it, and the peers will send the state';
    this.#context.events.push({ kind: 'alarm', text });
  }

  #report(effect: StateEffect, entry: Uint8Array | null): void {
    const { events } = this.#context;
    if (effect.kind === 'willFired') {
      const { client, byHome } = effect;
      events.push({ kind: 'willFired', client, byHome, counts: this.#isCountedHere(entry) });
    } else if (effect.kind === 'dropped') {
      const { reason, count } = effect;
      events.push({ kind: 'dropped', reason, count, counts: this.#isCountedHere(entry) });
    } else if (effect.kind === 'accessChanged') this.#reportAccess();
    else if (effect.kind === 'alarm') events.push({ kind: 'alarm', text: effect.text });
    else if (effect.kind === 'sessionEnded') {
      const { client, expired = false } = effect;
      events.push({ kind: 'sessionEnded', client, expired, counts: this.#isCountedHere(entry) });
    }
  }

  #reportAccess(): void {
    const { version } = this.#context.state.access;
    if (version === this.#accessVersion) return;
    this.#accessVersion = version;
    this.#context.events.push({ kind: 'accessChanged', version });
  }

  /**
   * Returns true when this member counts the effects of the entry in its metrics, because this incarnation of
   * the member proposed the entry. Peers do not count the effects. After a restart, this member applies the
   * entry again but does not count its effects again. The leader counts changes of members.
   */
  #isCountedHere(entry: Uint8Array | null): boolean {
    if (entry === null) return this.#consumers.replica.status.role === 'leader';
    const header = headerOf(entry);
    const { storeId, incarnation } = this.#context.options.recovered;
    return header?.storeId === storeId && header.incarnation === incarnation;
  }

  /**
   * Called before the effects are passed on, because the effect `queued` of a message precedes its effect
   * `published`.
   */
  #sampleDelivery(effects: readonly StateEffect[]): void {
    const { storeId, incarnation } = this.#context.options.recovered;
    for (const effect of effects) {
      if (effect.kind !== 'published') continue;
      if (effect.storeId !== storeId || effect.incarnation !== incarnation) return;
      const pending = this.#consumers.proposer.find(effect.sequence)?.commands[effect.command];
      if (pending !== undefined && !pending.deliveredEarly && effect.message.qos > 0) {
        this.#consumers.home.sample(effect.message, pending.receivedMs);
      }
      return;
    }
  }
}
