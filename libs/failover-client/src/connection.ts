import { membersTopic, silentLogger } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { RefusalLog } from './refusal-log.ts';
import { Session } from './session/session.ts';
import type { ConnectionEnd, SessionHandlers, SessionOptions } from './session/session-options.ts';
import { parseAdvertisements } from './servers/server-list.ts';
import type { Candidate, ServerList } from './servers/server-list.ts';
import type { FailoverClientHandlers, FailoverTimings, IncomingMessage, SessionKind } from './types.ts';

// MQTT 5 reason codes.
const useAnotherServer = 0x9c;
const serverMoved = 0x9d;
const sessionTakenOver = 0x8e;
/**
 * After this many redirects in a row, the client ignores further redirects and tries the servers in the
 * normal order.
 */
const redirectsMax = 3;
/**
 * Upper bound of the exponent of the backoff. With any sensible setting, the retry delay reaches its maximum
 * after fewer doublings.
 */
const doublingsMax = 16;

export interface ConnectionOptions {
  readonly servers: ServerList;
  readonly session: Omit<SessionOptions, 'alwaysSubscribe'>;
  readonly sessionKind: SessionKind;
  readonly discover: boolean;
  readonly timings: FailoverTimings;
  readonly onTakeover: 'reconnect' | 'stop';
  readonly stopOnConnectionLoss: boolean;
  /** Returns the servers that the client's other connection uses. This connection tries them last. */
  readonly serversInUse: () => readonly string[];
  /** This connection moves to another server if it shares its server with the other connection. */
  readonly avoidsSharing: boolean;
  readonly handlers: FailoverClientHandlers;
  /** Called when the server has stopped responding; see {@link Session.suspected}. */
  readonly onSuspected: () => void;
  readonly logger?: Logger;
  readonly random: () => number;
}

/** Keeps one session connected: chooses a server, connects, fails over to another server, and backs off. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly #refusals: RefusalLog;
  readonly session: Session;
  /** The servers that the client has not tried yet in this round. */
  #round: Candidate[] = [];
  #current: Candidate | null = null;
  /** The last lost connection: its server and the time of the loss. */
  #lost: { readonly server: string; readonly atMs: number } | null = null;
  #upSinceMs = 0;
  #retries = 0;
  #redirects = 0;
  #connectedOnce = false;
  #running = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #leaveTimer: NodeJS.Timeout | null = null;
  #stopped: (() => void) | null = null;
  #connects = 0;
  #failovers = 0;
  #failedAttempts = 0;
  #refusedAttempts = 0;
  /** True if an attempt of this round was refused. */
  #refusedInRound = false;
  /** Rounds with refusals in a row. */
  #refusedRounds = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#refusals = new RefusalLog(this.#logger, () => performance.now());
    const handlers: SessionHandlers = {
      onConnected: (sessionPresent) => this.#onConnected(sessionPresent),
      onDisconnected: (end) => this.#onDisconnected(end),
      onMessage: (message) => this.#onMessage(message),
      onSuspected: () => this.#options.onSuspected(),
    };
    this.session = new Session(
      { ...options.session, alwaysSubscribe: options.discover ? [membersTopic] : [] },
      handlers,
    );
  }

  /** Id of the server of the current connection, or null. */
  get server(): string | null {
    return this.session.connected && this.#current ? this.#options.servers.identify(this.#current) : null;
  }

  /** Id of the server of the current connection or attempt, or null. */
  get target(): string | null {
    return this.#running && this.#current ? this.#options.servers.identify(this.#current) : null;
  }

  get counters(): { connects: number; failovers: number; failedAttempts: number; refusedAttempts: number } {
    return {
      connects: this.#connects,
      failovers: this.#failovers,
      failedAttempts: this.#failedAttempts,
      refusedAttempts: this.#refusedAttempts,
    };
  }

  start(): void {
    this.#running = true;
    this.#newRound();
    this.#attempt();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    if (this.session.connected) await this.session.drained(this.#options.timings.stopDrainMsMax);
    this.#running = false;
    this.#clearTimers();
    if (this.session.connected) await this.#disconnect();
    await this.session.end();
  }

  /**
   * Called when the list of members has changed. Moves to another server if the current server drains or is
   * also used by the other connection.
   */
  membersChanged(): void {
    const { servers, timings, random, serversInUse, avoidsSharing } = this.#options;
    const server = this.server;
    if (!server || this.#leaveTimer) return;
    const shared = avoidsSharing && serversInUse().includes(server);
    if (servers.state(server) !== 'draining' && !shared) return;
    const best = servers.order(performance.now(), serversInUse())[0];
    if (
      !best ||
      best.id === server ||
      serversInUse().includes(best.id) ||
      servers.state(best.id) !== 'serving'
    )
      return;
    const reason = shared ? 'the other connection uses the same server' : 'the server drains';
    this.#leaveTimer = setTimeout(() => {
      this.#leaveTimer = null;
      this.session.disconnect(reason);
    }, random() * timings.drainLeaveMsMax);
  }

  #disconnect(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
      // No later process resumes a session of the kind `process`, so the server need not keep it.
      this.session.disconnect('stopped', this.#options.sessionKind === 'process');
    });
  }

  #newRound(): void {
    const { servers, serversInUse } = this.#options;
    this.#round = servers.order(performance.now(), serversInUse());
  }

  #attempt(): void {
    if (!this.#running) return;
    const next = this.#round.shift();
    if (!next) return this.#scheduleRetry();
    this.#current = next;
    const { sessionKind } = this.#options;
    const clean = sessionKind === 'none' || (sessionKind === 'process' && !this.#connectedOnce);
    this.session.open(next.url, clean);
  }

  /**
   * Schedules the next round after an exponential backoff with full jitter, so that clients of the same lost
   * server do not reconnect at the same time.
   */
  #scheduleRetry(): void {
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#newRound();
      this.#attempt();
    }, this.#retryDelayMs());
  }

  #retryDelayMs(): number {
    const { timings, random } = this.#options;
    if (this.#refusedInRound) {
      this.#refusedInRound = false;
      const limitMs = Math.min(
        timings.refusedDelayMsMax,
        timings.refusedDelayMsMin * 2 ** this.#refusedRounds,
      );
      this.#refusedRounds = Math.min(this.#refusedRounds + 1, doublingsMax);
      // Half of the delay is fixed, so that no sequence of random numbers becomes a hot loop.
      return (limitMs * (1 + random())) / 2;
    }
    const limitMs = Math.min(timings.retryDelayMsMax, timings.retryDelayMsMin * 2 ** this.#retries);
    this.#retries = Math.min(this.#retries + 1, doublingsMax);
    return random() * limitMs;
  }

  #onConnected(sessionPresent: boolean): void {
    const nowMs = performance.now();
    const server = this.server;
    if (server === null) return;
    this.#connectedOnce = true;
    this.#refusals.accepted(server);
    this.#upSinceMs = nowMs;
    this.#connects += 1;
    const gapMs = this.#lost ? nowMs - this.#lost.atMs : null;
    this.#logger.info({ server, sessionPresent, gapMs }, 'connected');
    this.#emit('onConnect', { server, sessionPresent, gapMs });
    if (this.#lost && gapMs !== null && this.#lost.server !== server) {
      this.#failovers += 1;
      this.#emit('onFailover', { from: this.#lost.server, to: server, gapMs });
    }
  }

  #onDisconnected(end: ConnectionEnd): void {
    const { servers, timings, onTakeover, stopOnConnectionLoss } = this.#options;
    const nowMs = performance.now();
    const server = this.#current ? servers.identify(this.#current) : '';
    const stable = end.wasConnected && nowMs - this.#upSinceMs >= timings.stableAfterMs;
    this.#clearTimers();
    servers.avoid(server, nowMs + timings.avoidServerMs);
    if (end.wasConnected) {
      this.#lost = { server, atMs: end.silent ? end.lastReceivedMs : nowMs };
      this.#logger.info({ server, reason: end.reason }, 'disconnected');
      this.#emit('onDisconnect', { server, reason: end.reason });
    } else {
      this.#failedAttempts += 1;
      this.#logger.debug({ server, reason: end.reason }, 'connection attempt failed');
    }
    if (!this.#running) return this.#stopped?.();
    if (end.refused && !stable) this.#onRefused(server, end.reason);
    const takenOver = end.reasonCode === sessionTakenOver;
    if (end.wasConnected && takenOver && onTakeover === 'stop') return this.#endSession('takenOver');
    if (end.wasConnected && stopOnConnectionLoss) return this.#endSession('connectionLost');
    if (stable) {
      this.#retries = this.#redirects = this.#refusedRounds = 0;
      this.#refusedInRound = false;
      this.#newRound();
    }
    // Two clients with the same client id must not take over from each other without a delay.
    if (takenOver) this.#round = [];
    this.#redirect(end, server);
    this.#attempt();
  }

  #onRefused(server: string, reason: string): void {
    this.#refusedAttempts += 1;
    this.#refusedInRound = true;
    this.#refusals.report(server, reason);
  }

  #redirect({ reasonCode, serverReference }: ConnectionEnd, from: string): void {
    if (reasonCode !== useAnotherServer && reasonCode !== serverMoved) return;
    if (serverReference === null || this.#redirects >= redirectsMax) return;
    this.#redirects += 1;
    const { servers } = this.#options;
    const referenced = servers
      .fromReference(serverReference, this.#current?.url ?? '')
      .filter(({ id }) => id !== from);
    this.#round = [
      ...referenced,
      ...this.#round.filter(({ id }) => !referenced.some((other) => other.id === id)),
    ];
  }

  #endSession(reason: 'takenOver' | 'connectionLost'): void {
    this.#running = false;
    void this.session.end().then(() => this.#emit('onStopped', reason));
  }

  #onMessage(message: IncomingMessage): void {
    if (this.#options.discover && message.topic === membersTopic) {
      const members = parseAdvertisements(message.payload);
      if (members) {
        this.#options.servers.update(members);
        this.membersChanged();
      }
      if (!this.session.isSubscribed(membersTopic)) return;
    }
    this.#emit('onMessage', message);
  }

  #emit<Name extends keyof FailoverClientHandlers>(
    name: Name,
    argument: Parameters<NonNullable<FailoverClientHandlers[Name]>>[0],
  ): void {
    try {
      (this.#options.handlers[name] as ((argument: unknown) => void) | undefined)?.(argument);
    } catch (error) {
      this.#logger.error({ error, handler: name }, 'an event handler threw an error');
    }
  }

  #clearTimers(): void {
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    if (this.#leaveTimer) clearTimeout(this.#leaveTimer);
    this.#retryTimer = this.#leaveTimer = null;
  }
}
