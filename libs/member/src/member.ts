import { semanticsVersion } from '@mqtt-cluster/contracts';
import type {
  ClusterConfig,
  ClusterSettings,
  ConnectionId,
  ConnectRequest,
  HelloMessage,
  LinkState,
  Member,
  MemberId,
  MemberOutput,
  MemberStatus,
  Message,
  OutboxItem,
  PeerMessage,
  PublishRequest,
  ServingState,
  Snapshot,
  Subscription,
} from '@mqtt-cluster/contracts';
import { createRaft } from '@mqtt-cluster/consensus';
import type { Raft, RaftEvent, RaftInitial, RaftOutput, RaftStatus } from '@mqtt-cluster/consensus';
import { createMqttState, decodeMqttState, decodePublishes } from '@mqtt-cluster/mqtt-state';
import type { StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from './context.ts';
import { Digests } from './digests.ts';
import { Founding, foundingIndex, foundingTerm } from './founding.ts';
import { Home } from './home/home.ts';
import { Leader } from './leader.ts';
import type { MemberOptions } from './options.ts';
import { Peers } from './peers.ts';
import { Proposer } from './proposer.ts';
import { Serving } from './serving.ts';
import { unstamp } from './stamp.ts';
import { Writes } from './writes.ts';

const appendBytesMax = 256 * 1024;
const appendsInFlightMax = 16;
const snapshotPieceBytes = 256 * 1024;
/** A leader whose oldest write has taken longer hands over; healthy disks sync in a hundredth of it. */
const slowDiskMs = 1_000;
const handOverIntervalMs = 5_000;
/** Bytes of `raft` messages with entries go by the bulk channel from here on, so that heartbeats never wait. */
const bulkEntriesMin = 1;

/** One member of the cluster as a pure state machine; see the contract. */
export function createMember(options: MemberOptions): Member {
  return new ClusterMember(options);
}

class ClusterMember implements Member {
  readonly #options: MemberOptions;
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #proposer: Proposer;
  readonly #home: Home;
  readonly #leader: Leader;
  readonly #founding: Founding;
  readonly #serving: Serving;
  readonly #digests: Digests;
  readonly #writes: Writes;
  #raft: Raft;
  #raftStatus: RaftStatus;
  /** The founders' configuration is on its way to the disk. */
  #foundingConfig: ClusterConfig | null = null;
  #appliedIndex: number;
  #appliedConfig: ClusterConfig | null;
  #snapshotIndex: number;
  #elections = 0;
  #lastHelloMs = -Infinity;
  #toldState: ServingState = 'joining';
  #toldDigest: MemberStatus['digest'] = null;
  #followed: string | null = null;
  #drainPerSecond: number | null = null;
  #drainCredit = 0;
  #started = false;
  #handedOverMs = -Infinity;

  constructor(options: MemberOptions) {
    const { recovered } = options;
    this.#options = options;
    const { snapshot } = recovered;
    const state = snapshot === null ? createMqttState() : decodeMqttState(snapshot.data);
    this.#context = { options, state, nowMs: 0, effects: [], events: [] };
    this.#appliedIndex = snapshot?.index ?? 0;
    this.#appliedConfig = snapshot?.config ?? null;
    this.#snapshotIndex = this.#appliedIndex;
    this.#raft = this.#createRaft({
      hardState: recovered.hardState,
      snapshot,
      config: snapshot?.config ?? null,
      entries: recovered.entries,
    });
    this.#raftStatus = this.#raft.status();
    this.#peers = new Peers(this.#context);
    this.#proposer = new Proposer(this.#context);
    this.#home = new Home(this.#context, this.#proposer, this.#peers);
    this.#leader = new Leader(this.#context, this.#peers, this.#proposer);
    this.#founding = new Founding(this.#context, this.#peers);
    this.#serving = new Serving(this.#context, this.#proposer);
    this.#digests = new Digests(this.#context, this.#peers);
    this.#writes = new Writes(this.#context);
    this.#proposeStart(recovered.outbox);
  }

  // ---- time, peers, disk ----

  tick(nowMs: number): void {
    const elapsedMs = this.#started ? nowMs - this.#context.nowMs : 0;
    this.#context.nowMs = nowMs;
    if (!this.#started) this.#serving.timePassed(Infinity);
    this.#started = true;
    // A member that wakes from a pause checks the time before it handles anything else (design, section 8).
    this.#serving.timePassed(elapsedMs);
    this.#raft.tick(nowMs);
    this.#drainSome(elapsedMs);
  }

  receive(from: MemberId, message: PeerMessage): void {
    if (!this.#peers.links.has(from)) return;
    if (message.type !== 'relay') {
      this.#peers.heard(from);
      this.#handle(from, message);
    } else if (message.to !== this.#options.id) this.#peers.forward(message);
    else if (this.#peers.links.has(message.from)) {
      this.#peers.heard(message.from);
      this.#handle(message.from, message.message);
    }
  }

  link(peer: MemberId, state: LinkState): void {
    if (!this.#peers.links.has(peer)) return;
    this.#peers.links.set(peer, state);
    this.#raft.link(peer, state);
    if (state === 'up') {
      this.#peers.send(peer, 'raft', this.#hello());
      this.#home.live.linkUp(peer);
      if (peer === this.#raftStatus.leader) this.#proposer.sendAgain();
    } else this.#home.live.linkDown(peer);
  }

  written(token: number): void {
    const write = this.#writes.written(token);
    if (write === null) return;
    if (write.raftToken !== null) this.#raft.stored(write.raftToken);
    for (const sequence of write.outboxSequences) this.#outboxStored(sequence);
    if (write.snapshot === null) return;
    this.#snapshotIndex = write.snapshot.index;
    if (write.founding) this.#found(write.snapshot);
    else this.#raft.compact(write.snapshot.index, this.#entriesToKeep(write.snapshot.index));
  }

  writeRefused(token: number): void {
    const write = this.#writes.refused(token);
    if (write === null) return;
    if (write.raftToken !== null) this.#raft.storeRefused(write.raftToken);
    for (const sequence of write.outboxSequences) this.#proposer.outboxRefused(sequence);
    if (write.founding) this.#foundingConfig = null;
  }

  // ---- clients ----

  connect(connection: ConnectionId, request: ConnectRequest): void {
    this.#home.connect(connection, request, this.#serving.state);
  }

  disconnect(connection: ConnectionId, how: { graceful: boolean; sessionExpirySeconds?: number }): void {
    this.#home.disconnect(connection, how);
  }

  subscribe(connection: ConnectionId, packetId: number, subscriptions: readonly Subscription[]): void {
    this.#home.subscribe(connection, packetId, subscriptions);
  }

  unsubscribe(connection: ConnectionId, packetId: number, filters: readonly string[]): void {
    this.#home.unsubscribe(connection, packetId, filters);
  }

  publish(connection: ConnectionId, publish: PublishRequest): void {
    this.#home.publish(connection, publish);
  }

  pubrel(connection: ConnectionId, packetId: number): void {
    this.#home.pubrel(connection, packetId);
  }

  puback(connection: ConnectionId, packetId: number): void {
    this.#home.puback(connection, packetId);
  }

  pubrec(connection: ConnectionId, packetId: number, refused = false): void {
    this.#home.pubrec(connection, packetId, refused);
  }

  pubcomp(connection: ConnectionId, packetId: number): void {
    this.#home.pubcomp(connection, packetId);
  }

  writable(connection: ConnectionId, writable: boolean): void {
    this.#home.writable(connection, writable);
  }

  publishLocal(message: Message): void {
    this.#home.publishLocal(message);
  }

  // ---- operators ----

  drain(perSecond: number): void {
    this.#drainPerSecond = perSecond;
    this.#serving.drain();
    this.#raft.transferLeadership();
  }

  changeMembers(config: ClusterConfig): void {
    const answer = this.#raft.proposeConfig(config);
    const reason = answer.accepted ? '' : answer.reason;
    this.#context.events.push({ kind: 'configChange', accepted: answer.accepted, reason });
  }

  transferLeadership(to?: MemberId): void {
    this.#raft.transferLeadership(to);
  }

  changeSettings(settings: Partial<ClusterSettings>): void {
    this.#proposer.add({ kind: 'settings', settings });
  }

  bootstrap(): void {
    this.#founding.force();
  }

  // ---- the turn ----

  take(): MemberOutput {
    this.#home.flush();
    this.#updateServing();
    this.#propose();
    this.#sayHello();
    if (this.#raftStatus.role === 'leader') {
      this.#leader.duties(this.#raft, this.#raftStatus);
      if (this.#writes.full || this.#writes.slowestMs > slowDiskMs) this.#handOver();
    }
    this.#considerFounding();
    const snapshot = this.#snapshotDue();
    // A snapshot is a write of its own: what Raft wants stored follows in the next turn.
    if (snapshot !== null) this.#writes.snapshot(snapshot, false);
    else if (this.#foundingConfig === null) this.#consume(this.#raft.take());
    const write = this.#writes.take();
    const { effects, events } = this.#context;
    this.#context.effects = [];
    this.#context.events = [];
    const more =
      snapshot !== null || this.#proposer.hasPending || this.#followed !== followedOf(this.#raftStatus);
    return { write, send: this.#peers.take(), effects, events, more };
  }

  status(): MemberStatus {
    const raft = this.#raft.status();
    const counts = this.#context.state.counts();
    const lag: [MemberId, number][] = Object.entries(raft.match).map(([id, match]) => [
      id,
      raft.lastIndex - match,
    ]);
    const { role } = raft;
    return {
      id: this.#options.id,
      state: this.#serving.state,
      reason: this.#serving.reason,
      role: role === 'preCandidate' ? 'candidate' : role,
      leader: raft.leader,
      term: raft.term,
      lastIndex: raft.lastIndex,
      commitIndex: raft.commitIndex,
      appliedIndex: this.#appliedIndex,
      snapshotIndex: this.#snapshotIndex,
      logBytes: raft.logBytes,
      lag: Object.fromEntries(role === 'leader' ? lag : []),
      links: Object.fromEntries(this.#peers.links),
      config: raft.config,
      elections: this.#elections,
      connections: this.#home.connections,
      sessions: counts.sessions,
      subscriptions: counts.subscriptions,
      retained: counts.retained,
      queuedMessages: counts.queuedMessages,
      queuedBytes: counts.queuedBytes,
      inFlight: this.#home.inFlight,
      outboxItems: this.#proposer.outboxItems,
      outboxBytes: this.#proposer.outboxBytes,
      pendingCommands: this.#proposer.pendingCommands,
      digest: this.#digests.latest,
      digestsAgree: this.#digests.agree,
      drained: this.#drained(),
      peers: this.#peers.summaries(),
    };
  }

  // ---- peers ----

  #handle(from: MemberId, message: Exclude<PeerMessage, { type: 'relay' }>): void {
    switch (message.type) {
      case 'raft':
        if (this.#foundingConfig === null && !this.#isStale(from)) this.#raft.step(from, message.message);
        return;
      case 'propose':
        if (this.#raftStatus.role === 'leader') this.#leader.accept(this.#raft, message.batches);
        return;
      case 'hello': {
        const isNew = !this.#peers.hellos.has(from);
        this.#peers.hellos.set(from, message);
        this.#digests.compare();
        // Founders must know at once that they are known.
        if (isNew) this.#peers.send(from, 'raft', this.#hello());
        return;
      }
      case 'interest':
        return this.#home.live.onInterest(from, message);
      case 'live':
        return this.#home.onLive(message.messages);
    }
  }

  /** A store that is older than what is remembered of it (a restored backup) must not vote (design, section 6). */
  #isStale(from: MemberId): boolean {
    const hello = this.#peers.hellos.get(from);
    const remembered = this.#context.state.proposer(from);
    if (hello === undefined || remembered === undefined) return false;
    return hello.storeId === remembered.storeId && hello.incarnation < remembered.incarnation;
  }

  #hello(): HelloMessage {
    const raft = this.#raft.status();
    return {
      type: 'hello',
      storeId: this.#options.recovered.storeId,
      incarnation: this.#options.recovered.incarnation,
      fresh: raft.config === null && this.#foundingConfig === null,
      config: this.#foundingConfig ?? raft.config,
      state: this.#serving.state,
      clients: this.#home.connections,
      load: 0,
      urls: this.#options.urls,
      semantics: semanticsVersion,
      appliedIndex: this.#appliedIndex,
      digest: this.#digests.latest,
      known: raft.config === null ? this.#founding.known() : [],
    };
  }

  #sayHello(): void {
    const { nowMs, options } = this.#context;
    // News at once, the rest now and then: seven members tell each other forty-two times a round.
    const news = this.#toldState !== this.#serving.state || this.#toldDigest !== this.#digests.latest;
    if (!news && nowMs - this.#lastHelloMs < options.timings.helloMs) return;
    this.#lastHelloMs = nowMs;
    this.#toldState = this.#serving.state;
    this.#toldDigest = this.#digests.latest;
    const hello = this.#hello();
    for (const peer of this.#peers.ids) this.#peers.send(peer, 'raft', hello);
  }

  // ---- proposals ----

  #proposeStart(outbox: readonly OutboxItem[]): void {
    const outboxIncarnations = [...new Set(outbox.map((item) => item.incarnation))];
    this.#proposer.add({ kind: 'start', semantics: semanticsVersion, outboxIncarnations });
    for (const { incarnation, sequence, data } of outbox) {
      const publishes = decodePublishes(data);
      this.#proposer.add(
        { kind: 'recover', incarnation, sequence, publishes },
        { kind: 'recover', incarnation, sequence },
      );
    }
  }

  #propose(): void {
    const accepts = this.#serving.accepts;
    this.#proposer.form(accepts);
    if (accepts && this.#writes.mayTry) {
      const { items, full } = this.#proposer.degrade(this.#serving.isolatedSinceIndex);
      this.#writes.putOutbox(items);
      if (full > 0) this.#context.events.push({ kind: 'dropped', reason: 'outboxFull', count: full });
    }
    const { leader } = this.#raftStatus;
    if (leader === null) return;
    const batches = this.#proposer.toSend();
    if (batches.length === 0) return;
    if (leader === this.#options.id) this.#leader.accept(this.#raft, batches);
    else this.#peers.send(leader, 'log', { type: 'propose', batches });
  }

  #outboxStored(sequence: number): void {
    const batch = this.#proposer.outboxStored(sequence);
    if (batch === undefined) return;
    const count = this.#home.answerDegraded(batch);
    if (count > 0) this.#context.events.push({ kind: 'degradedAcks', count });
  }

  #updateServing(): void {
    const status = this.#raftStatus;
    const followed = followedOf(status);
    if (followed !== this.#followed && followed !== null) this.#proposer.sendAgain();
    this.#followed = followed;
    const waitingFor = status.config === null ? this.#founding.reason() : 'catching up with the cluster';
    const became = this.#serving.update(status.leader, status.config !== null, waitingFor);
    if (became) this.#home.onIsolated(this.#serving.accepts);
  }

  // ---- consensus ----

  #createRaft(initial: RaftInitial): Raft {
    const { id, recovered, timings, random } = this.#options;
    const bounds = { appendBytesMax, appendsInFlightMax, snapshotPieceBytes };
    return createRaft({ id, storeId: recovered.storeId, timings: timings.raft, random, ...bounds }, initial);
  }

  #consume(output: RaftOutput): void {
    for (const event of output.events) this.#onRaftEvent(event);
    if (output.write !== null) this.#writes.raft(output.write);
    for (const { to, message } of output.messages) {
      const bulk =
        message.type === 'snapshotPiece' ||
        (message.type === 'appendRequest' && message.entries.length >= bulkEntriesMin);
      this.#peers.send(to, bulk ? 'log' : 'raft', { type: 'raft', message });
    }
    if (output.restore !== null) this.#restore(output.restore);
    for (const entry of output.committed) {
      const { index } = entry;
      let effects: readonly StateEffect[];
      if (entry.kind === 'config' && entry.config !== undefined) {
        this.#appliedConfig = entry.config;
        effects = this.#context.state.applyConfig(index, entry.config);
      } else if (entry.kind === 'normal') {
        const { timeMs, batch } = unstamp(entry.data);
        effects = this.#context.state.apply(index, timeMs, batch);
      } else effects = this.#context.state.apply(index, this.#context.state.timeMs, null);
      this.#appliedIndex = index;
      this.#onStateEffects(effects);
      this.#digests.applied(index);
    }
    if (output.committed.length > 0 || output.restore !== null) this.#raft.applied(this.#appliedIndex);
    if (output.snapshotWanted) this.#provideSnapshot();
    this.#raftStatus = this.#raft.status();
  }

  #onRaftEvent(event: RaftEvent): void {
    const { events } = this.#context;
    switch (event.kind) {
      case 'leader':
        events.push({ kind: 'leader', leader: event.leader, term: event.term });
        return;
      case 'elected':
        this.#leader.elected(this.#raft, this.#appliedIndex);
        if (this.#drainPerSecond !== null) this.#raft.transferLeadership();
        return;
      case 'electionStarted':
        this.#elections++;
        return;
      case 'configChanged':
        events.push({ kind: 'configChanged', config: event.config });
        return;
      case 'snapshotSent':
        events.push({ kind: 'snapshot', action: 'sent', index: event.index, bytes: event.bytes });
        return;
      case 'storeRegressed':
        events.push({
          kind: 'alarm',
          text: `the store of ${event.member} lost what it had acknowledged: wipe it`,
        });
        return;
      default:
        return;
    }
  }

  #onStateEffects(effects: readonly StateEffect[]): void {
    const { recovered, id } = this.#options;
    for (const effect of effects) {
      const own = 'storeId' in effect && effect.storeId === recovered.storeId;
      const ownBatch = own && effect.incarnation === recovered.incarnation;
      if (effect.kind === 'batchApplied') {
        if (ownBatch) this.#onBatchApplied(effect.sequence, effect.results);
        else if (own && effect.incarnation > recovered.incarnation) this.#onOlderThanRemembered();
        continue;
      }
      this.#home.onEffect(effect, ownBatch ? this.#proposer.find(effect.sequence) : undefined);
      this.#report(effect, id);
    }
  }

  #onBatchApplied(
    sequence: number,
    results: Extract<StateEffect, { kind: 'batchApplied' }>['results'],
  ): void {
    const batch = this.#proposer.applied(sequence);
    if (batch === undefined) return;
    if (sequence === 1) this.#serving.joined();
    const { incarnation } = this.#options.recovered;
    if (batch.outbox !== 'none') this.#writes.deleteOutbox({ incarnation, sequence });
    batch.commands.forEach((pending, position) => {
      if (pending.request?.kind === 'recover') this.#writes.deleteOutbox(pending.request);
      const result = results[position];
      if (result !== undefined) this.#home.answer(pending, result);
    });
  }

  #onOlderThanRemembered(): void {
    const text =
      'this store is older than what the cluster remembers of it: wipe it, its peers will fill it again';
    this.#context.events.push({ kind: 'alarm', text });
  }

  #report(effect: StateEffect, id: MemberId): void {
    const { events } = this.#context;
    if (effect.kind === 'willFired')
      events.push({ kind: 'willFired', client: effect.client, byHome: effect.byHome });
    else if (effect.kind === 'dropped')
      events.push({ kind: 'dropped', reason: effect.reason, count: effect.count });
    else if (effect.kind === 'alarm') events.push({ kind: 'alarm', text: effect.text });
    else if (effect.kind === 'sessionEnded') events.push({ kind: 'sessionEnded', client: effect.client });
    void id;
  }

  // ---- snapshots ----

  #restore(snapshot: Snapshot): void {
    const { recovered } = this.#options;
    this.#context.state = decodeMqttState(snapshot.data);
    this.#appliedIndex = snapshot.index;
    this.#appliedConfig = snapshot.config;
    const { index } = snapshot;
    this.#context.events.push({ kind: 'snapshot', action: 'installed', index, bytes: snapshot.data.length });
    const proposer = this.#context.state.proposer(this.#options.id);
    if (proposer?.storeId === recovered.storeId && proposer.incarnation === recovered.incarnation) {
      for (const batch of this.#proposer.appliedBySnapshot(proposer.sequence)) {
        if (batch.sequence === 1) this.#serving.joined();
        if (batch.outbox !== 'none')
          this.#writes.deleteOutbox({ incarnation: recovered.incarnation, sequence: batch.sequence });
        for (const { request } of batch.commands)
          if (request?.kind === 'recover') this.#writes.deleteOutbox(request);
      }
    }
    this.#home.closeAll('snapshotInstalled');
  }

  #provideSnapshot(): void {
    const snapshot = this.#takeSnapshot();
    if (snapshot !== null) this.#raft.provideSnapshot(snapshot);
  }

  #takeSnapshot(): Snapshot | null {
    const term = this.#raft.termAt(this.#appliedIndex);
    if (term === undefined || this.#appliedConfig === null) return null;
    const data = this.#context.state.encode();
    const index = this.#appliedIndex;
    this.#context.events.push({ kind: 'snapshot', action: 'taken', index, bytes: data.length });
    return { index, term, config: this.#appliedConfig, data };
  }

  #snapshotDue(): Snapshot | null {
    if (this.#writes.snapshotPending || this.#appliedIndex <= this.#snapshotIndex) return null;
    if (this.#raftStatus.logBytes < this.#options.limits.logBytesMax || this.#writes.full) return null;
    // Only the part that would go counts: what peers still need stays in any case.
    return this.#takeSnapshot();
  }

  /** Entries kept behind a snapshot: as many as allowed, but no more than a quarter of the log's bound in bytes. */
  #entriesToKeep(index: number): number {
    const { keepEntries, logBytesMax } = this.#options.limits;
    let bytes = 0;
    let count = 0;
    while (count < keepEntries && bytes < logBytesMax / 4) {
      const entry = this.#raft.entry(index - count);
      if (entry === undefined) break;
      bytes += entry.data.length;
      count++;
    }
    return count;
  }

  // ---- first start ----

  #considerFounding(): void {
    const { config, lastIndex, term } = this.#raftStatus;
    if (config !== null || lastIndex > 0 || term > 0 || this.#foundingConfig !== null || this.#writes.busy)
      return;
    const founding = this.#founding.decide();
    if (founding === null) return;
    this.#foundingConfig = founding;
    this.#context.state = createMqttState();
    this.#context.state.applyConfig(foundingIndex, founding);
    const data = this.#context.state.encode();
    this.#writes.snapshot({ index: foundingIndex, term: foundingTerm, config: founding, data }, true);
  }

  #found(snapshot: Snapshot): void {
    this.#foundingConfig = null;
    this.#appliedIndex = snapshot.index;
    this.#appliedConfig = snapshot.config;
    const hardState = { term: foundingTerm, votedFor: null };
    this.#raft = this.#createRaft({ hardState, snapshot, config: snapshot.config, entries: [] });
    this.#raft.tick(this.#context.nowMs);
    for (const [peer, state] of this.#peers.links) this.#raft.link(peer, state);
    this.#raftStatus = this.#raft.status();
    this.#lastHelloMs = -Infinity;
    this.#context.events.push({ kind: 'configChanged', config: snapshot.config });
  }

  /** A leader whose disk is slow or full lets another lead; the majority doesn't wait for it meanwhile (design, section 8). */
  #handOver(): void {
    const { nowMs } = this.#context;
    if (nowMs - this.#handedOverMs < handOverIntervalMs) return;
    this.#handedOverMs = nowMs;
    this.#raft.transferLeadership();
  }

  // ---- draining ----

  #drainSome(elapsedMs: number): void {
    if (this.#drainPerSecond === null) return;
    this.#drainCredit += (elapsedMs / 1_000) * this.#drainPerSecond;
    const whole = Math.floor(this.#drainCredit);
    if (whole === 0) return;
    this.#drainCredit -= whole;
    this.#home.closeSome(whole, 'draining');
  }

  #drained(): boolean {
    if (this.#drainPerSecond === null || this.#home.connections > 0 || this.#proposer.pendingCommands > 0)
      return false;
    const { role, config } = this.#raftStatus;
    return role !== 'leader' || (config?.members.length ?? 0) <= 1;
  }
}

/** Whom this member follows in which term; a change of either means that everything unanswered is sent again. */
function followedOf(status: RaftStatus): string | null {
  return status.leader === null ? null : `${status.leader}/${status.term}`;
}
