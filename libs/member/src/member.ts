import { findMember } from '@mqtt-cluster/contracts';
import type {
  AccessChange,
  AccessTable,
  AdminAction,
  ClientInput,
  ClusterSettings,
  SettingsChange,
  ConnectionId,
  LinkState,
  LogIndex,
  Member,
  MemberId,
  MemberOutput,
  MemberStatus,
  Message,
  OutboxItem,
  PeerMessage,
  RelayedMessage,
  Revocation,
  StateView,
  UnfinishedSnapshot,
  WillOwner,
} from '@mqtt-cluster/contracts';
import { decodePublishes, settingsOf } from '@mqtt-cluster/mqtt-state';
import { AccessAdministration } from './cluster/access-administration.ts';
import { Administration } from './cluster/administration.ts';
import { EffectDispatcher } from './log/effect-dispatcher.ts';
import type { MemberContext } from './context.ts';
import { ClusterClock } from './log/cluster-clock.ts';
import { currentSemantics } from './log/semantics-version.ts';
import { StatePages } from './log/state-pages.ts';
import { Digests } from './log/digests.ts';
import { isRemovedByQuorum } from './cluster/removed-by-quorum.ts';
import { Draining } from './cluster/draining.ts';
import { Bootstrap } from './cluster/bootstrap.ts';
import { HelloSender } from './cluster/hello-sender.ts';
import type { PeerStatus } from './cluster/hello-sender.ts';
import { Home } from './home/home.ts';
import { LostRights } from './cluster/lost-rights.ts';
import { LeaderDuties } from './log/leader-duties.ts';
import type { MemberOptions } from './options.ts';
import { Peers } from './cluster/peers.ts';
import { Proposer } from './log/proposer.ts';
import { leadershipOf, Replica } from './log/replica.ts';
import { Serving } from './cluster/serving.ts';
import { statusOf } from './status.ts';
import { PendingWrites } from './log/pending-writes.ts';

/**
 * A longer interval between two ticks means that this process was paused. The member then restarts its
 * timeouts for silent peers and for proposals without progress.
 */
const pauseMs = 1_000;

/** Creates one member of the cluster, a pure state machine. */
export function createMember(options: MemberOptions): Member {
  return new ClusterMember(options);
}

/**
 * Creates the parts of a member and runs its turns.
 *
 * A turn is one iteration of the caller's event loop: `tick`, then any number of inputs (client packets, peer
 * messages, completed writes), then one `take`. Inputs only change the parts: the home collects commands,
 * Raft collects messages. `take` closes the turn in a fixed order:
 *
 * 1. The home adds commands that are due, and the serving state is updated.
 * 2. The proposer forms batches from all commands of the turn and passes them to the leader, or to the
 *    outbox.
 * 3. Hello messages are sent, and the leader carries out its duties.
 * 4. Raft's outputs are processed and committed entries are applied; their effects become answers and
 *    deliveries.
 * 5. Everything that the turn wants on disk becomes one write. The caller carries out the outputs.
 *
 * All inputs of one turn therefore share one batch, one sync and one frame per peer. Outputs that require a
 * completed write, such as PUBACK, follow in a later turn, after the caller has reported the write as
 * completed.
 */
class ClusterMember implements Member {
  readonly #context: MemberContext;
  readonly #peers: Peers;
  readonly #proposer: Proposer;
  readonly #home: Home;
  readonly #leader: LeaderDuties;
  readonly #bootstrap: Bootstrap;
  readonly #serving: Serving;
  readonly #digests: Digests;
  readonly #writes: PendingWrites;
  readonly #replica: Replica;
  readonly #applied: EffectDispatcher;
  readonly #helloSender: HelloSender;
  readonly #draining: Draining;
  readonly #administration: Administration;
  readonly #accessAdministration: AccessAdministration;
  readonly #lostRights: LostRights;
  #leadership: string | null = null;
  /** When this member last followed a leader. */
  #lastLeaderMs = -Infinity;
  #load = 0;
  #started = false;

  constructor(options: MemberOptions) {
    const semantics = options.semantics ?? currentSemantics;
    const turn = {
      nowMs: 0,
      effects: [],
      events: [],
      isolated: false,
      acceptsIsolated: false,
      hasMajority: false,
    };
    const pages = new StatePages(options);
    const state = pages.use((cache) => semantics.createState(cache));
    const shared = { options, semantics, pages, state, ...turn };
    this.#context = Object.assign(shared, { clock: new ClusterClock(shared) });
    const peers = (this.#peers = new Peers(this.#context));
    const bootstrap = (this.#bootstrap = new Bootstrap(this.#context, peers));
    const digests = (this.#digests = new Digests(this.#context, peers));
    const writes = (this.#writes = new PendingWrites(this.#context));
    this.#proposer = new Proposer(this.#context);
    this.#serving = new Serving(this.#context, this.#proposer);
    this.#home = new Home(this.#context, this.#proposer, peers);
    this.#leader = new LeaderDuties(this.#context, peers, this.#proposer);
    const parts = { peers, writes, bootstrap, digests };
    const replica = (this.#replica = new Replica(this.#context, parts, {
      onEffects: (effects, batch) => this.#applied.onEffects(effects, batch),
      onElected: (term) => this.#leader.elected(term, replica.raft, replica.appliedIndex),
      onRestored: () => this.#applied.onRestored(),
    }));
    const consumers = { home: this.#home, proposer: this.#proposer, serving: this.#serving, writes, replica };
    this.#applied = new EffectDispatcher(this.#context, consumers);
    this.#helloSender = new HelloSender(this.#context, { peers, replica, bootstrap, digests });
    this.#draining = new Draining(this.#context, { home: this.#home, proposer: this.#proposer, replica });
    this.#administration = new Administration(this.#context, {
      peers,
      replica,
      state: () => this.#serving.state,
    });
    this.#accessAdministration = new AccessAdministration(this.#context, this.#proposer);
    this.#lostRights = new LostRights(this.#context, peers, this.#proposer);
    this.#proposeStart(options.recovered.outbox);
    // Otherwise the snapshot and the log of the start would stay in memory as long as this member.
    const recovered = { ...options.recovered, snapshot: null, entries: [], outbox: [] };
    this.#context.options = { ...options, recovered };
  }

  // ---- time, peers, disk ----

  tick(nowMs: number): void {
    const elapsedMs = this.#started ? nowMs - this.#context.nowMs : 0;
    this.#context.nowMs = nowMs;
    if (!this.#started) {
      this.#serving.resetTimers();
      this.#context.clock.started();
    }
    this.#started = true;
    // After a pause the member checks the time before it handles anything else (docs/DESIGN.md, "Elections
    // and timing").
    if (elapsedMs >= pauseMs) {
      this.#serving.resetTimers();
      this.#peers.resetSilence();
    }
    this.#replica.raft.tick(nowMs);
    this.#draining.tick(elapsedMs);
  }

  nextTickMs(): number {
    const { state, clock, nowMs } = this.#context;
    const raftMs = this.#replica.raft.nextTickMs();
    const deadline = this.#replica.raft.role() === 'leader' ? state.nextDeadline() : null;
    return deadline === null ? raftMs : Math.min(raftMs, nowMs + deadline - clock.nowMs);
  }

  commitIndex(): LogIndex {
    return this.#replica.raft.commitIndex();
  }

  receive(from: MemberId, message: PeerMessage): void {
    if (!this.#peers.links.has(from)) return;
    // The appliance answers questions of peers.
    if (message.type === 'query' || message.type === 'queryAnswer') return;
    if (message.type !== 'relay') {
      this.#peers.recordReceived(from);
      this.#handle(from, message);
    } else if (message.to !== this.#context.options.id) this.#peers.forward(message);
    else if (this.#peers.links.has(message.from)) {
      this.#peers.recordReceived(message.from);
      this.#handle(message.from, message.message);
    }
  }

  link(peer: MemberId, state: LinkState): void {
    if (!this.#peers.links.has(peer)) return;
    this.#peers.links.set(peer, state);
    this.#replica.link(peer, state);
    if (state !== 'up') return this.#home.live.linkDown(peer);
    this.#helloSender.send(peer, this.#peerStatus());
    this.#home.live.linkUp(peer);
    if (peer === this.#replica.status.leader) this.#proposer.resendAll();
  }

  written(token: number): void {
    const write = this.#writes.written(token);
    if (write === null) return;
    this.#replica.written(write);
    for (const sequence of write.outboxSequences) this.#outboxStored(sequence);
  }

  writeRefused(token: number): void {
    const write = this.#writes.refused(token);
    if (write === null) return;
    this.#replica.refused(write);
    for (const sequence of write.outboxSequences) this.#proposer.outboxRefused(sequence);
  }

  // ---- clients ----

  input(connection: ConnectionId, input: ClientInput): void {
    this.#home.inputs.handle(connection, input, this.#serving.state);
  }

  publishLocal(message: Message): void {
    this.#home.publishLocal(message);
  }

  // ---- operators ----

  drain(perSecond: number): void {
    this.#draining.begin(perSecond);
    this.#serving.drain();
  }

  undrain(): void {
    this.#draining.end();
    this.#serving.undrain();
  }

  setLoad(load: number): void {
    this.#load = Math.min(1, Math.max(0, load));
  }

  setLatency(latencyMs: number): void {
    this.#replica.electionTimeout.measured(latencyMs);
  }

  administer(request: number, action: AdminAction): void {
    this.#administration.request(request, action);
  }

  changeSettings(settings: SettingsChange): void {
    // A program of an older version cannot decode a command with a setting that it does not know.
    const known: readonly string[] = ['queueFull', ...settingsOf(this.#context.state.semantics)];
    const changes = Object.entries(settings).filter(([name]) => known.includes(name));
    this.#proposer.add({ kind: 'settings', settings: Object.fromEntries(changes) });
  }

  changeAccess(request: number, change: AccessChange): void {
    this.#accessAdministration.change(request, change);
  }

  revoke(request: number, revocation: Revocation): void {
    this.#accessAdministration.revoke(request, revocation);
  }

  discardWills(isLost: (owner: WillOwner) => boolean): void {
    this.#lostRights.discard(isLost);
  }

  bootstrap(): void {
    this.#bootstrap.force();
  }

  // ---- the turn ----

  take(): MemberOutput {
    this.#home.flush();
    this.#updateServing();
    this.#propose();
    this.#helloSender.sendIfDue(this.#peerStatus());
    // Checks the role again: after a pause the tick of this turn may have ended the leadership.
    if (this.#replica.status.role === 'leader' && this.#replica.raft.role() === 'leader') {
      if (!this.#replica.isOutdated) this.#leader.duties(this.#replica.raft, this.#replica.status);
      this.#replica.transferIfUnfit();
    }
    const unfinished = this.#replica.turn();
    this.#administration.tick();
    this.#accessAdministration.tick();
    this.#lostRights.tick(this.#replica.raft.role() === 'leader');
    const write = this.#writes.take();
    const hasDeliveries = this.#home.endTurn();
    const { effects, events } = this.#context;
    this.#context.effects = [];
    this.#context.events = [];
    const more =
      unfinished ||
      hasDeliveries ||
      this.#home.live.hasUnsent ||
      this.#proposer.hasPending ||
      this.#leader.takeContinues() ||
      this.#leadership !== leadershipOf(this.#replica.status);
    return { write, send: this.#peers.take(), effects, events, more };
  }

  status(): MemberStatus {
    return statusOf({
      context: this.#context,
      peers: this.#peers,
      proposer: this.#proposer,
      home: this.#home,
      serving: this.#serving,
      digests: this.#digests,
      replica: this.#replica,
      drained: this.#draining.done,
    });
  }

  view(): StateView {
    return this.#home.view;
  }

  settings(): ClusterSettings {
    return this.#context.state.settings;
  }

  access(): AccessTable {
    return this.#context.state.access;
  }

  clusterTimeMs(): number | null {
    const { clock } = this.#context;
    return clock.isContinuous ? clock.nowMs : null;
  }

  beginSnapshot(): UnfinishedSnapshot | null {
    return this.#replica.beginBackup();
  }

  // ---- peers ----

  #handle(from: MemberId, message: RelayedMessage): void {
    switch (message.type) {
      case 'raft':
        this.#context.clock.messageReceived(from, message, this.#replica.status);
        return this.#replica.step(from, message.message);
      case 'propose':
        this.#peers.recordProposal(from);
        if (this.#replica.status.role === 'leader') this.#leader.accept(this.#replica.raft, message.batches);
        return;
      case 'hello':
        this.#home.live.ages.observe(from, message, this.#context.nowMs);
        this.#context.clock.helloReceived(from, message, this.#replica.status);
        this.#home.live.onHello(from, message);
        if (this.#helloSender.receive(from, message)) this.#helloSender.send(from, this.#peerStatus());
        return;
      case 'interest':
        return this.#home.live.onInterest(from, message);
      case 'interestAnswer':
        return this.#home.live.answers.receive(from, message);
      case 'live':
        return this.#home.onLive(from, message);
      case 'admin':
        return this.#administration.onRequest(from, message);
      case 'adminAnswer':
        return this.#administration.onAnswer(message);
    }
  }

  #peerStatus(): PeerStatus {
    return {
      state: this.#serving.state,
      clients: this.#home.connections,
      load: this.#load,
      outboxItems: this.#proposer.outboxItems,
    };
  }

  // ---- proposals ----

  #proposeStart(outbox: readonly OutboxItem[]): void {
    const outboxIncarnations = [...new Set(outbox.map((item) => item.incarnation))];
    this.#proposer.add({ kind: 'start', semantics: this.#context.semantics.version, outboxIncarnations });
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
      if (full > 0)
        this.#context.events.push({ kind: 'dropped', reason: 'outboxFull', count: full, counts: true });
    }
    const { leader } = this.#replica.status;
    if (leader === null) return;
    const batches = this.#proposer.takeDueBatches();
    if (batches.length === 0) return;
    if (leader === this.#context.options.id) this.#leader.accept(this.#replica.raft, batches);
    else this.#peers.send(leader, 'log', { type: 'propose', batches });
  }

  #outboxStored(sequence: number): void {
    const batch = this.#proposer.outboxStored(sequence);
    if (batch === undefined) return;
    const count = this.#home.answerDegraded(batch);
    if (count > 0) this.#context.events.push({ kind: 'degradedAcks', count });
  }

  #updateServing(): void {
    const status = this.#replica.status;
    const leadership = leadershipOf(status);
    if (leadership !== this.#leadership && leadership !== null) this.#proposer.resendAll();
    this.#leadership = leadership;
    const { id, recovered } = this.#context.options;
    if (status.leader !== null) this.#lastLeaderMs = this.#context.nowMs;
    const isNamed =
      status.config !== null &&
      findMember(status.config, id)?.storeId === recovered.storeId &&
      // A member that follows a leader belongs to the cluster, whatever other peers report.
      (status.leader !== null ||
        !isRemovedByQuorum(
          id,
          recovered.storeId,
          status.config,
          this.#peers.configsSince(this.#lastLeaderMs),
        ));
    const isMember = isNamed && !this.#replica.isOutdated;
    const { config } = this.#replica;
    const votes = config !== null && findMember(config, id)?.role === 'voter';
    const membership = { isMember, votes };
    const becameIsolated = this.#serving.update(status.leader, membership, this.#waitingFor(isNamed));
    this.#context.isolated = this.#serving.isolated;
    this.#context.acceptsIsolated = this.#serving.accepts;
    this.#context.hasMajority = status.leader !== null && !this.#serving.isolated;
    // A draining member rejects new clients even when it has lost quorum.
    if (becameIsolated) this.#home.onIsolated(this.#serving.accepts && this.#serving.state !== 'draining');
    // A removed member disconnects its clients, because messages that it accepted would be lost.
    if (!isMember && this.#home.connections > 0) this.#home.disconnectAll('notServing');
  }

  #waitingFor(isMember: boolean): string {
    if (this.#replica.status.config === null) return this.#bootstrap.reason();
    if (this.#replica.isOutdated)
      return 'the cluster uses a newer version of the program: install it on this member';
    return isMember
      ? 'catching up with the log of the cluster'
      : 'not a member of the cluster: removed, or not yet added';
  }
}
