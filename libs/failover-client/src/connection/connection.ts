import { membersTopic, silentLogger } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { parseServerReference } from '../servers/address.ts';
import { Session } from '../session/session.ts';
import type { SessionDown, SessionHooks, SessionOptions } from '../session/session-options.ts';
import { parseAdvertisements } from '../servers/server-list.ts';
import type { Candidate, ServerList } from '../servers/server-list.ts';
import type { FailoverClientHandlers, FailoverTimings, IncomingMessage, SessionKind } from '../types.ts';

const useAnotherServer = 0x9c;
const serverMoved = 0x9d;
const sessionTakenOver = 0x8e;
/** Redirects in a row that are followed; then the normal order counts again. */
const redirectsMax = 3;
/** Doubling the retry delay this often exceeds any sensible maximum. */
const doublingsMax = 16;

export interface ConnectionOptions {
  readonly servers: ServerList;
  readonly session: Omit<SessionOptions, 'alwaysSubscribe'>;
  readonly sessionKind: SessionKind;
  readonly discover: boolean;
  readonly timings: FailoverTimings;
  readonly onTakeover: 'reconnect' | 'stop';
  readonly giveUpOnLoss: boolean;
  /** Servers that another connection of the same client uses: these last. */
  readonly inUse: () => readonly string[];
  /** Moves away when it shares a server with another connection and a better one serves. */
  readonly yields: boolean;
  readonly handlers: FailoverClientHandlers;
  /** The server does not answer just now. */
  readonly onDoubt: () => void;
  readonly logger?: Logger;
  readonly random: () => number;
}

/** One session that always looks for a server: choose, connect, fail over, back off. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly session: Session;
  #round: Candidate[] = [];
  #current: Candidate | null = null;
  #lost: { readonly server: string; readonly atMs: number } | null = null;
  #upSinceMs = 0;
  #retries = 0;
  #redirects = 0;
  #attempted = false;
  #running = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #leaveTimer: NodeJS.Timeout | null = null;
  #stopped: (() => void) | null = null;
  #connects = 0;
  #failovers = 0;
  #failedAttempts = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const hooks: SessionHooks = {
      up: (sessionPresent) => this.#onUp(sessionPresent),
      down: (down) => this.#onDown(down),
      message: (message) => this.#onMessage(message),
      doubtful: () => this.#options.onDoubt(),
    };
    this.session = new Session(
      { ...options.session, alwaysSubscribe: options.discover ? [membersTopic] : [] },
      hooks,
    );
  }

  /** Id of the server this is connected to, or null. */
  get server(): string | null {
    return this.session.up && this.#current ? this.#options.servers.identify(this.#current) : null;
  }

  /** The same, or the server that is being tried. */
  get aim(): string | null {
    return this.#running && this.#current ? this.#options.servers.identify(this.#current) : null;
  }

  get counts(): { connects: number; failovers: number; failedAttempts: number } {
    return { connects: this.#connects, failovers: this.#failovers, failedAttempts: this.#failedAttempts };
  }

  start(): void {
    this.#running = true;
    this.#newRound();
    this.#attempt();
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    if (this.session.up) await this.session.drained(this.#options.timings.stopDrainMsMax);
    this.#running = false;
    this.#clearTimers();
    if (this.session.up) await this.#goodbye();
    await this.session.end();
  }

  /** The cluster told about its members (this connection, or another one of the client). */
  membersChanged(): void {
    const { servers, timings, random, inUse, yields } = this.#options;
    const server = this.server;
    if (!server || this.#leaveTimer) return;
    const crowded = yields && inUse().includes(server);
    if (servers.state(server) !== 'draining' && !crowded) return;
    const best = servers.order(performance.now(), inUse())[0];
    if (!best || best.id === server || inUse().includes(best.id) || servers.state(best.id) !== 'serving')
      return;
    const reason = crowded ? 'another server is free' : 'server drains';
    this.#leaveTimer = setTimeout(() => {
      this.#leaveTimer = null;
      this.session.leave(reason);
    }, random() * timings.drainLeaveMsMax);
  }

  #goodbye(): Promise<void> {
    return new Promise((resolve) => {
      this.#stopped = resolve;
      this.session.leave('stopped');
    });
  }

  #newRound(): void {
    const { servers, inUse } = this.#options;
    this.#round = servers.order(performance.now(), inUse());
  }

  #attempt(): void {
    if (!this.#running) return;
    const next = this.#round.shift();
    if (!next) return this.#retryLater();
    this.#current = next;
    const { sessionKind } = this.#options;
    const clean = sessionKind === 'none' || (sessionKind === 'process' && !this.#attempted);
    this.session.open(next.url, clean);
  }

  /** Exponential backoff with full jitter: clients that lost the same server must not come back as one. */
  #retryLater(): void {
    const { timings, random } = this.#options;
    const bound = Math.min(timings.retryDelayMsMax, timings.retryDelayMsMin * 2 ** this.#retries);
    this.#retries = Math.min(this.#retries + 1, doublingsMax);
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.#newRound();
      this.#attempt();
    }, random() * bound);
  }

  #onUp(sessionPresent: boolean): void {
    const nowMs = performance.now();
    const server = this.server;
    if (server === null) return;
    this.#attempted = true;
    this.#upSinceMs = nowMs;
    this.#connects += 1;
    const gapMs = this.#lost ? nowMs - this.#lost.atMs : null;
    this.#logger.info({ server, sessionPresent, gapMs }, 'connected');
    this.#call('onConnect', { server, sessionPresent, gapMs });
    if (this.#lost && gapMs !== null && this.#lost.server !== server) {
      this.#failovers += 1;
      this.#call('onFailover', { from: this.#lost.server, to: server, gapMs });
    }
  }

  #onDown(down: SessionDown): void {
    const { servers, timings, onTakeover, giveUpOnLoss } = this.#options;
    const nowMs = performance.now();
    const server = this.#current ? servers.identify(this.#current) : '';
    const lived = down.wasUp && nowMs - this.#upSinceMs >= timings.stableAfterMs;
    this.#clearTimers();
    servers.avoid(server, nowMs + timings.avoidServerMs);
    if (down.wasUp) {
      this.#lost = { server, atMs: down.silent ? down.lastHeardMs : nowMs };
      this.#logger.info({ server, reason: down.reason }, 'disconnected');
      this.#call('onDisconnect', { server, reason: down.reason });
    } else {
      this.#failedAttempts += 1;
      this.#logger.debug({ server, reason: down.reason }, 'attempt failed');
    }
    if (!this.#running) return this.#stopped?.();
    const takenOver = down.reasonCode === sessionTakenOver;
    if (down.wasUp && takenOver && onTakeover === 'stop') return this.#giveUp('takenOver');
    if (down.wasUp && giveUpOnLoss) return this.#giveUp('lost');
    if (lived) {
      this.#retries = this.#redirects = 0;
      this.#newRound();
    }
    // Two holders of one client id must not throw each other out at full speed.
    if (takenOver) this.#round = [];
    this.#redirect(down, server);
    this.#attempt();
  }

  #redirect({ reasonCode, serverReference }: SessionDown, from: string): void {
    if (reasonCode !== useAnotherServer && reasonCode !== serverMoved) return;
    if (serverReference === null || this.#redirects >= redirectsMax) return;
    this.#redirects += 1;
    const { servers } = this.#options;
    const named = servers
      .referenced(parseServerReference(serverReference, servers.secure))
      .filter(({ id }) => id !== from);
    this.#round = [...named, ...this.#round.filter(({ id }) => !named.some((other) => other.id === id))];
  }

  #giveUp(reason: 'takenOver' | 'lost'): void {
    this.#running = false;
    void this.session.end().then(() => this.#call('onGivenUp', reason));
  }

  #onMessage(message: IncomingMessage): void {
    if (this.#options.discover && message.topic === membersTopic) {
      const members = parseAdvertisements(message.payload);
      if (members) {
        this.#options.servers.update(members);
        this.membersChanged();
      }
      if (!this.session.wants(membersTopic)) return;
    }
    this.#call('onMessage', message);
  }

  #call<Name extends keyof FailoverClientHandlers>(
    name: Name,
    argument: Parameters<NonNullable<FailoverClientHandlers[Name]>>[0],
  ): void {
    try {
      (this.#options.handlers[name] as ((argument: unknown) => void) | undefined)?.(argument);
    } catch (error) {
      this.#logger.error({ error, handler: name }, 'a handler threw');
    }
  }

  #clearTimers(): void {
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    if (this.#leaveTimer) clearTimeout(this.#leaveTimer);
    this.#retryTimer = this.#leaveTimer = null;
  }
}
