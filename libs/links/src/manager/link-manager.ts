import { createEverySecond } from '@mqtt-cluster/contracts';
import type { EverySecond, Lifecycle, LinkDefinition, RefusalReason } from '@mqtt-cluster/contracts';
import { createCounters } from '../link/counters.ts';
import type { LinkOptions, RunningLink, StopOptions } from '../link/link-options.ts';
import { incomingClient, outgoingClient } from '../names.ts';
import { credentialFault } from '../remote/credential-files.ts';
import type { TestResult } from '../remote/test-link.ts';
import { positionOf, runnerStep } from '../runner/runner-choice.ts';
import type { LinkCounters, LinkManagerOptions } from '../types.ts';
import { Candidates } from './candidates.ts';
import { EmptyQueues } from './empty-queues.ts';
import { LinkDefinitions } from './link-definitions.ts';
import type { NamedDefinition } from './link-definitions.ts';
import { LinkMetrics } from './link-metrics.ts';
import { QueueDrops } from './queue-drops.ts';
import type { LinkReport } from './link-report.ts';

/** Interval of the decisions about links, ms. It delays each takeover. Without links, the manager decides once a second. */
const decideMs = 250;
/** The member at the next position starts a link this much later, ms: the ones before it had time to start. */
const positionMs = 2_000;
/** After another member has taken the session of a link, this member does not start it for this time, ms. */
const pauseAfterEndMs = 2_000;
/** Interval of the checks whether a link without a connection still has its credentials here, ms. */
const checkCredentialsMs = 1_000;

/** Why the cluster refused the sessions of a link, in words. Other reasons belong to a takeover by another member. */
const endFaults: Partial<Record<RefusalReason, string>> = {
  quotaExceeded: 'the cluster has no room for the sessions of the link',
  notAuthorized: 'the cluster refuses to open the sessions of the link',
};

/** A link that runs at this member. */
interface Running {
  readonly source: NamedDefinition;
  readonly link: RunningLink;
}

/** A decision that this member starts a link, unless another member does so first. */
interface Choice {
  /** Since when no member runs the link, ms. */
  readonly sinceMs: number;
  isAsking: boolean;
}

/**
 * Decides which links this member runs. Exactly one member runs a link: it holds the session of the link, which an entry of
 * the log gives to one connection. The members that may run a link take it in an order that all of them compute; when they
 * disagree for a moment, the newest `open` of the session wins and the other runner ends.
 */
export class LinkManager implements Lifecycle {
  readonly #options: LinkManagerOptions;
  readonly #definitions: LinkDefinitions;
  readonly #candidates: Candidates;
  readonly #metrics: LinkMetrics;
  readonly #running = new Map<string, Running>();
  /** Counters of the links that have run here. They continue when the link comes back. */
  readonly #counters = new Map<string, LinkCounters>();
  readonly #queueDrops: QueueDrops;
  readonly #emptyQueues = new EmptyQueues();
  /** Links that have ended here and whose sessions are still open, until the next runner takes them over. */
  readonly #kept = new Map<string, RunningLink>();
  readonly #starting = new Set<string>();
  readonly #choices = new Map<string, Choice>();
  /** Time until which this member does not start a link, by name. */
  readonly #pausedUntilMs = new Map<string, number>();
  /** Time of the last check of the credentials of a running link, by name. */
  readonly #checkedAtMs = new Map<string, number>();
  /** Why no member starts a link, by name: what this member has found out last. */
  readonly #obstacles = new Map<string, string>();
  #timer: NodeJS.Timeout | null = null;
  readonly #everySecond: EverySecond;
  /** Ends the decisions of a manager without links; null while there are links. */
  #stopSeconds: (() => void) | null = null;
  #isStopped = true;

  constructor(options: LinkManagerOptions) {
    this.#options = options;
    this.#everySecond = options.everySecond ?? createEverySecond();
    this.#definitions = new LinkDefinitions(() => options.member.view());
    this.#candidates = new Candidates(options);
    this.#metrics = new LinkMetrics(options.metrics);
    this.#queueDrops = new QueueDrops(options.self);
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    this.#decide();
  }

  /** Ends the connections to other brokers. The sessions of the links stay open, so that other members take them over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#stopSeconds?.();
    for (const { link } of this.#running.values()) link.stop({ keepsSession: true });
    this.#running.clear();
  }

  definitions(): readonly NamedDefinition[] {
    return this.#definitions.read();
  }

  /** Copies the counters of the links that run here to the metrics. */
  report(): void {
    const view = this.#options.member.view();
    this.#metrics.report(
      this.definitions(),
      [...this.#running].map(([name, { link }]) => ({
        name,
        isConnected: link.phase === 'connected',
        lagSeconds: link.lagMs / 1_000,
      })),
      (name) => ({
        waiting: view.session(outgoingClient(name))?.queuedMessages ?? 0,
        dropped: this.#queueDrops.of(name),
      }),
      this.#counters,
    );
  }

  /** Answers the question of another member, or of this one, about all links. */
  async reports(): Promise<LinkReport[]> {
    return Promise.all(this.definitions().map((each) => this.#reportOf(each)));
  }

  /** Connects to the other broker of a link from this member, without disturbing the link. */
  async test(name: string, definition: LinkDefinition): Promise<TestResult> {
    if (definition.kind === 'jetstream') {
      const { testJetstream } = await import('../jetstream/test-jetstream.ts');
      return testJetstream(name, definition, this.#options.directory);
    }
    const { testLink } = await import('../remote/test-link.ts');
    return testLink(name, definition, this.#options.directory);
  }

  /**
   * Deletes the session of a removed link at the other broker, from this member. Returns why it has failed, in one
   * sentence, or null.
   */
  async discard(name: string, definition: LinkDefinition): Promise<string | null> {
    // A link to a stream has no session there.
    if (definition.kind === 'jetstream') return null;
    const { discardRemoteSession } = await import('../remote/test-link.ts');
    return discardRemoteSession(name, definition, this.#options.directory, this.#markOf(name));
  }

  /** Returns the mark of a link in the messages that pass it. */
  #markOf(name: string): string {
    return `${this.#options.mark}/${name}`;
  }

  // ---- decisions ----

  #decide(): void {
    if (this.#isStopped) return;
    const definitions = this.#definitions.read();
    this.#endRemoved(definitions);
    for (const each of definitions) this.#decideLink(each);
    if (definitions.length === 0 && this.#running.size === 0) {
      this.#stopSeconds ??= this.#everySecond(() => this.#decide());
      return;
    }
    this.#stopSeconds?.();
    this.#stopSeconds = null;
    this.#timer = setTimeout(() => this.#decide(), decideMs);
  }

  #endRemoved(definitions: readonly NamedDefinition[]): void {
    const names = new Set(definitions.map(({ name }) => name));
    for (const [name, link] of this.#kept) {
      if (names.has(name)) continue;
      this.#kept.delete(name);
      link.remove();
    }
    for (const [name, { link }] of this.#running) {
      if (names.has(name)) continue;
      this.#running.delete(name);
      link.remove();
      this.#options.logger.info({ link: name }, 'link removed');
    }
    this.#queueDrops.retain(names);
    this.#emptyQueues.retain(names);
    const times = [this.#pausedUntilMs, this.#checkedAtMs];
    for (const kept of [this.#choices, this.#obstacles, this.#counters, ...times])
      for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
  }

  #decideLink(source: NamedDefinition): void {
    const { name, definition } = source;
    const { self, member, linkState } = this.#options;
    const status = member.status();
    const session = member.view().session(outgoingClient(name));
    this.#queueDrops.observe(name, session, status);
    this.#emptyQueues.observe(name, session, status, this.#options.now());
    const running = this.#running.get(name);
    if (running !== undefined && running.source !== source) {
      // The link is defined anew: it starts again at this member, which takes over its own session with the queue.
      const keepsSession = definition !== null && !definition.paused;
      this.#end(name, running, { keepsSession, endsPresence: true });
    }
    if (definition === null || definition.paused) {
      this.#release(name);
      this.#choices.delete(name);
      return;
    }
    // A client of an older version may have the id of the session. Its member does not run the link.
    const isOwn = session !== undefined && session.owner !== null && this.#ownerFault(name) === null;
    const home = isOwn ? session.home : null;
    const homeState = home === null ? undefined : status.peers[home]?.state;
    const step = runnerStep({
      self,
      state: status.state,
      home,
      runsHere: this.#running.has(name) || this.#starting.has(name),
      ...(homeState !== undefined && { homeState }),
      isHomeDead: home !== null && home !== self && linkState(home) === 'refused',
    });
    if (step === 'leave') {
      const current = this.#running.get(name);
      if (current !== undefined) this.#end(name, current, { keepsSession: status.state === 'draining' });
    }
    if (step === 'keep') this.#checkCredentials(name, definition);
    if (step !== 'choose') this.#choices.delete(name);
    else this.#choose(name, definition, home === self);
  }

  /** Ends a link at this member. With `keepsSession` the next runner takes the session over, which is without a gap. */
  #end(name: string, { link }: Running, options: StopOptions): void {
    this.#running.delete(name);
    link.stop(options);
    if (options.keepsSession === true) this.#kept.set(name, link);
  }

  /** Closes a session that was kept for the next runner. */
  #release(name: string): void {
    this.#kept.get(name)?.stop();
    this.#kept.delete(name);
  }

  /**
   * Ends a link without a connection whose credentials this member no longer has, if another member has them. Its session
   * is released when the members choose the next runner.
   */
  #checkCredentials(name: string, definition: LinkDefinition): void {
    const running = this.#running.get(name);
    const { now, directory, self, logger } = this.#options;
    if (running === undefined || running.link.phase === 'connected') return;
    if (now() - (this.#checkedAtMs.get(name) ?? -Infinity) < checkCredentialsMs) return;
    this.#checkedAtMs.set(name, now());
    void credentialFault(definition, directory).then(async (fault) => {
      if (fault === null) return;
      const { members } = await this.#candidates.ask(name, definition);
      if (members?.some(({ member, mayRun }) => mayRun && member !== self) !== true) return;
      if (this.#running.get(name) !== running || running.link.phase === 'connected') return;
      logger.warn({ link: name }, `this member leaves the link ${name} to another one: ${fault}`);
      this.#end(name, running, { keepsSession: true });
    });
  }

  /** No member runs the link: asks the members that are reachable whether they may, and starts it if it is this one's turn. */
  #choose(name: string, definition: LinkDefinition, isHome: boolean): void {
    const { now } = this.#options;
    if (now() < (this.#pausedUntilMs.get(name) ?? 0)) return;
    let choice = this.#choices.get(name);
    if (choice === undefined) this.#choices.set(name, (choice = { sinceMs: now(), isAsking: false }));
    if (choice.isAsking) return;
    choice.isAsking = true;
    void this.#candidates.ask(name, definition).then(({ members: candidates, obstacle }) => {
      choice.isAsking = false;
      if (obstacle === null) this.#obstacles.delete(name);
      else this.#obstacles.set(name, obstacle);
      if (candidates === null || this.#choices.get(name) !== choice || this.#isStopped) return;
      const position = positionOf(this.#options.self, name, candidates);
      // The link has ended here, and this member may not run it again: the others wait for its session.
      if (position === null) this.#release(name);
      // The others do not start a link whose session has this member as its home.
      const waitMs = position === null ? Infinity : isHome ? 0 : position * positionMs;
      if (now() - choice.sinceMs < waitMs) return;
      this.#choices.delete(name);
      void this.#startLink(name);
    });
  }

  async #startLink(name: string): Promise<void> {
    if (this.#running.has(name) || this.#starting.has(name)) return;
    this.#starting.add(name);
    const kind = this.#definitions.read().find((each) => each.name === name)?.definition?.kind ?? 'mqtt';
    const create = await loadKind(kind);
    this.#starting.delete(name);
    const source = this.#definitions.read().find((each) => each.name === name);
    if (source?.definition == null || source.definition.paused || this.#isStopped) return;
    if (source.definition.kind !== kind) return;
    const { member, directory, packetBytesMax, logger, now } = this.#options;
    const counters = this.#counters.get(name) ?? createCounters();
    this.#counters.set(name, counters);
    const link = create({
      name,
      definition: source.definition,
      member,
      directory,
      packetBytesMax,
      mark: this.#markOf(name),
      counters,
      queuedSinceMs: this.#emptyQueues.lastSeenMs(name),
      logger,
      now,
      onEnded: (reason) => {
        if (this.#running.get(name)?.link !== link) return;
        this.#running.delete(name);
        this.#pausedUntilMs.set(name, now() + pauseAfterEndMs);
        const fault = this.#ownerFault(name) ?? endFaults[reason];
        if (fault !== undefined) this.#obstacles.set(name, fault);
        logger.info({ link: name, reason, ...(fault && { fault }) }, 'this member runs the link no longer');
      },
    });
    this.#running.set(name, { source, link });
    logger.info({ link: name }, 'this member runs the link');
    link.start();
    this.#kept.delete(name);
  }

  // ---- reports ----

  async #reportOf({ name, definition, fault }: NamedDefinition): Promise<LinkReport> {
    const running = this.#running.get(name);
    const obstacle = definition === null ? fault : await this.#candidates.obstacleHere(definition);
    const counters = this.#counters.get(name) ?? createCounters();
    return {
      name,
      mayRun: obstacle === null,
      reason: obstacle ?? running?.link.error ?? this.#ownerFault(name) ?? this.#obstacles.get(name) ?? null,
      runs: running !== undefined,
      phase: running?.link.phase ?? null,
      address: running?.link.address ?? null,
      lagSeconds: (running?.link.lagMs ?? 0) / 1_000,
      sent: [...counters.sent],
      received: [...counters.received],
      dropped: { ...counters.dropped, queue: this.#queueDrops.of(name) },
      reconnects: counters.reconnects,
      possibleDuplicates: counters.possibleDuplicates,
      keptAside: counters.keptAside,
    };
  }

  /** Returns which session of the link belongs to a client, in one sentence, or null. The cluster opens it for no link. */
  #ownerFault(name: string): string | null {
    for (const client of [outgoingClient(name), incomingClient(name)]) {
      const owner = this.#options.member.view().session(client)?.owner ?? null;
      if (owner !== null && owner !== outgoingClient(name))
        return `the session ${client} belongs to the user ${owner}, so the link cannot open it: delete the session`;
    }
    return null;
  }
}

/** Loads the code of a kind of link. Members without a running link of the kind do not have it in memory. */
async function loadKind(kind: LinkDefinition['kind']): Promise<(options: LinkOptions) => RunningLink> {
  if (kind === 'jetstream') {
    const { JetstreamLink } = await import('../jetstream/jetstream-link.ts');
    return (options) => new JetstreamLink(options);
  }
  const { Link } = await import('../link/link.ts');
  return (options) => new Link(options);
}
