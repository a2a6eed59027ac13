import { accessSemantics, conformanceSemantics } from '@mqtt-cluster/contracts';
import type {
  ClusterConfig,
  LogIndex,
  Member,
  MemberEvent,
  MemberId,
  MessagePageError,
  Outgoing,
} from '@mqtt-cluster/contracts';
import type { MemberObserver, SemanticsVersion } from '@mqtt-cluster/member';
import type { MqttState, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { SimulatedClient } from '../clients/client.ts';
import type { History } from '../history/history.ts';
import { MarkDetector } from '../history/mark-detector.ts';
import { isMarkName } from '../history/marks.ts';
import type { Host } from '../world/host.ts';
import { AccessCheck } from './access.ts';
import { BatchSequenceCheck } from './batch-sequence.ts';
import { RaftSafetyCheck } from './raft-safety.ts';

/**
 * If a member applies nothing in its turns, the monitor observes the member only once per this many turns.
 */
const idleTurnsPerObservation = 8;

/** Passes what the members do during a run to the checks and to the detector of marks. */
export class RunMonitor {
  readonly raftSafety: RaftSafetyCheck;
  readonly marks: MarkDetector;
  readonly #history: History;
  readonly #configApplied: (index: LogIndex, config: ClusterConfig) => void;
  readonly #batchSequence: BatchSequenceCheck;
  readonly #access: AccessCheck;
  /** Members that have applied an entry or reported an event since the last observation. */
  readonly #changed = new Set<MemberId>();
  /** The replicated state of each member's current process. */
  readonly #states = new Map<MemberId, MqttState>();
  #turns = 0;
  /** The newest index that a member has applied. */
  #newestIndex: LogIndex = 0;

  /** @param configApplied called with each configuration that a member applies */
  constructor(
    history: History,
    hosts: ReadonlyMap<MemberId, Host>,
    clients: readonly SimulatedClient[],
    configApplied: (index: LogIndex, config: ClusterConfig) => void,
  ) {
    this.#history = history;
    this.#configApplied = configApplied;
    this.raftSafety = new RaftSafetyCheck(history, hosts);
    this.marks = new MarkDetector(history, clients);
    this.#batchSequence = new BatchSequenceCheck(history);
    this.#access = new AccessCheck(history, clients);
  }

  messageSent(from: MemberId, outgoing: Outgoing): void {
    this.raftSafety.messageSent(from, outgoing);
    this.marks.messageSent(outgoing);
  }

  eventReported(host: Host, event: MemberEvent): void {
    const history = this.#history;
    this.#changed.add(host.id);
    this.marks.event(host, event);
    if (event.kind === 'dropped') {
      history.drops.set(event.reason, (history.drops.get(event.reason) ?? 0) + event.count);
    }
    if (event.kind === 'digestDiffers') {
      const text = `digests differ at index ${event.index}: ${event.members.join(' ')}`;
      history.reportViolation({ promise: 'same state', text });
    }
    if (event.kind === 'alarm') history.count(`alarm: ${event.text.replace(/\d+/g, 'N')}`);
    else history.count(`event ${event.kind}`);
  }

  /** A page must never lack what was written, unless the disk below it has had a fault. */
  pageFailed({ id, pages }: Host, error: MessagePageError): void {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    this.#history.log(() => `page of ${id}: ${error.message}${cause}`);
    this.#history.count('processes ended by a page');
    if (pages !== null && (pages.failsReads || pages.isDamaged)) return;
    const text = `${id}: ${error.message}${cause}, but the disk of its pages had no fault`;
    this.#history.reportViolation({ promise: 'pages', text });
  }

  turnEnded(host: Host, member: Member): void {
    this.#turns += 1;
    this.#access.turnEnded(host);
    // One observation takes as much CPU time as several turns.
    if (!this.#changed.delete(host.id) && this.#turns % idleTurnsPerObservation !== 0) return;
    const status = member.status();
    this.raftSafety.observe(host, status);
    this.marks.statusObserved(host, status);
  }

  /** Returns the same semantics version. The monitor observes the states that it creates. */
  observed(id: MemberId, semantics: SemanticsVersion): SemanticsVersion {
    const observe = (state: MqttState): MqttState => {
      const observed = observedState(state, {
        applied: (before, effects) => this.#access.entryApplied(id, state, before, effects),
        configApplied: this.#configApplied,
      });
      this.#states.set(id, observed);
      this.#access.stateLoaded(id);
      return observed;
    };
    return {
      ...semantics,
      createState: (cache) => observe(semantics.createState(cache)),
      decodeState: (bytes, cache) => observe(semantics.decodeState(bytes, cache)),
    };
  }

  /** A member that restarts applies old entries again; they show nothing about the present. */
  #observeRetained(index: LogIndex, state: MqttState): void {
    if (index < this.#newestIndex) return;
    this.#newestIndex = index;
    if (state.counts().retainedBytes <= state.settings.retainedBytesMax) return;
    this.#history.retainedAboveBoundMs.push(this.#history.nowMs);
  }

  /** Returns the observer that the member calls when it applies batches or reaches a mark. */
  observerOf(id: MemberId): MemberObserver {
    return {
      mark: (name) => {
        if (isMarkName(name)) this.#history.mark(name);
        else throw new Error(`unknown mark: ${name}`);
      },
      batchApplied: (index, applied) => {
        this.#changed.add(id);
        const state = this.#states.get(id);
        if (state !== undefined) this.#observeRetained(index, state);
        const semantics = state?.semantics ?? 0;
        if (semantics >= conformanceSemantics) this.#history.conformanceSinceMs ??= this.#history.nowMs;
        if (semantics >= accessSemantics) this.#history.accessSinceMs ??= this.#history.nowMs;
        this.#batchSequence.batchApplied(index, applied);
        if (this.#history.retainedQueuedSinceMs !== null) return;
        const queues = applied.results.some(
          (each) => each.kind === 'subscribed' && each.retainedQueued.includes(true),
        );
        if (queues) this.#history.retainedQueuedSinceMs = this.#history.nowMs;
      },
    };
  }
}

interface StateObserver {
  /** Called after each applied entry, with what was in force before. */
  readonly applied: (
    before: Pick<MqttState, 'access' | 'semantics'>,
    effects: readonly StateEffect[],
  ) => void;
  readonly configApplied: (index: LogIndex, config: ClusterConfig) => void;
}

/** Returns the same state. It reports each applied entry. */
function observedState(state: MqttState, { applied, configApplied }: StateObserver): MqttState {
  const { apply, applyConfig } = state;
  const observe = (run: () => readonly StateEffect[]): readonly StateEffect[] => {
    const { access, semantics } = state;
    const effects = run();
    applied({ access, semantics }, effects);
    return effects;
  };
  state.apply = (...given) => observe(() => apply.call(state, ...given));
  state.applyConfig = (...given) => {
    configApplied(...given);
    return observe(() => applyConfig.call(state, ...given));
  };
  return state;
}
