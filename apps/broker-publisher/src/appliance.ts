import { readFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { createBridge } from '@mqtt-cluster/bridge';
import type { ListeningBridge } from '@mqtt-cluster/bridge';
import { createBroker } from '@mqtt-cluster/broker';
import type { Broker } from '@mqtt-cluster/broker';
import { ConfigError } from '@mqtt-cluster/contracts';
import type {
  ClientPort,
  Lifecycle,
  Logger,
  MemberAdvertisement,
  MemberStatus,
  Recovered,
  Store,
} from '@mqtt-cluster/contracts';
import { createMember, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';
import { createPublisher } from '@mqtt-cluster/publisher';
import type { Publisher } from '@mqtt-cluster/publisher';
import { createHttpServer, createMetrics, createNotifier } from '@mqtt-cluster/runtime';
import type { HttpServer, MetricsRegistry } from '@mqtt-cluster/runtime';
import { createStore } from '@mqtt-cluster/store';
import { advertisedUrl, parsePeers, parseUrls } from './config.ts';
import type { ApplianceConfig } from './config.ts';
import { MemberRunner } from './member-runner.ts';
import { Reporter } from './reporter.ts';
import { Testing } from './testing.ts';

/** How long a stop waits for clients to be moved and for the last sync. */
const drainMsMax = 10_000;
const pollMs = 20;
const statusIntervalMs = 1_000;
/** Once ready, the status is for people to read. */
const readyStatusIntervals = 5;

export interface ApplianceOptions {
  readonly config: ApplianceConfig;
  readonly logger: Logger;
  readonly version: string;
  readonly onFatal: (error: unknown) => void;
}

/** The appliance of one host: broker, bridges, publisher and HTTP around one member. */
export class Appliance implements Lifecycle {
  readonly #options: ApplianceOptions;
  readonly #logger: Logger;
  readonly #metrics: MetricsRegistry;
  readonly #reporter: Reporter;
  readonly #store: Store;
  readonly #testing: Testing | null;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #runner: MemberRunner | null = null;
  #bridge: ListeningBridge | null = null;
  #broker: Broker | null = null;
  #http: HttpServer | null = null;
  #publisher: Publisher | null = null;
  /** Whoever asks again waits for the same end. */
  #stopped: Promise<void> | null = null;

  constructor(options: ApplianceOptions) {
    const { config, logger } = options;
    this.#options = options;
    this.#logger = logger;
    this.#metrics = createMetrics({ defaultLabels: { member: config.id } });
    this.#reporter = new Reporter(logger, this.#metrics);
    this.#testing = Testing.from(config, logger);
    const fileSystem = this.#testing?.fileSystem();
    this.#store = createStore({ directory: config.data, logger, ...(fileSystem && { fileSystem }) });
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    await this.#testing?.start();
    const recovered = await this.#store.open(config.id);
    for (const repair of recovered.repairs) this.#logger.warn({}, repair);
    const runner = this.#createRunner(recovered);
    this.#runner = runner;
    this.#bridge = this.#createBridge(runner);
    runner.useBridge(this.#bridge);
    this.#http = this.#createHttp(runner);
    this.#broker = this.#createBroker(runner);
    // Each of these may find its port in use; nothing has been promised to anybody yet.
    await this.#http.start();
    await this.#bridge.start();
    await runner.start();
    await this.#broker.start();
    this.#watch(runner);
    this.#startPublisher();
  }

  /** Moves the clients, hands over leadership, syncs, ends. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#publisher?.stop();
    if (this.#runner !== null) await this.#drain(this.#runner);
    await this.#broker?.stop();
    await this.#runner?.stop();
    await this.#bridge?.stop();
    await this.#http?.stop();
    await this.#store.close();
    await this.#testing?.stop();
    this.#metrics.stop();
  }

  #createRunner(recovered: Recovered): MemberRunner {
    const { config, onFatal } = this.#options;
    const { heartbeatMs, electionMsMin, electionMsMax, isolatedAfterMs, lostAfterMs } = config.timings;
    const raft = { ...lanMemberTimings.raft, heartbeatMs, electionMsMin, electionMsMax };
    const member = createMember({
      id: config.id,
      members: parsePeers(config.peers).map((peer) => peer.id),
      urls: this.#urls().get(config.id) ?? [],
      recovered,
      whenIsolated: config.whenIsolated,
      timings: { ...lanMemberTimings, raft, isolatedAfterMs, lostAfterMs },
      limits: { ...defaultLimits, ...config.limits },
      random: () => randomInt(2 ** 32) / 2 ** 32,
    });
    if (config.bootstrap) member.bootstrap();
    return new MemberRunner({
      id: config.id,
      member,
      store: this.#store,
      now: () => performance.now(),
      onEvents: (events) => this.#reporter.onEvents(events),
      onFatal,
    });
  }

  #createBridge(runner: MemberRunner): ListeningBridge {
    const { config } = this.#options;
    const { key, cert, ca } = config.tls;
    const tls = key === '' ? {} : { tls: { key: readPem(key), cert: readPem(cert), ca: readPem(ca) } };
    return createBridge({
      self: config.id,
      cluster: config.name,
      peers: parsePeers(config.peers),
      listen: { host: config.host, port: config.cluster.port },
      ...tls,
      handlers: {
        onMessage: (from, message) => runner.receive(from, message),
        onLink: (peer, state) => runner.link(peer, state),
      },
      logger: this.#logger,
      metrics: this.#metrics,
    });
  }

  #createBroker(runner: MemberRunner): Broker {
    const { config, version } = this.#options;
    const port = this.#clientPort(runner);
    return createBroker({
      memberId: config.id,
      port: this.#testing?.wrap(port) ?? port,
      listeners: [{ host: config.host, port: config.mqtt.port, kind: 'tcp' }],
      limits: { clientsMax: config.mqtt.clientsMax },
      logger: this.#logger,
      metrics: this.#metrics,
      version,
      members: () => JSON.stringify(this.#advertisements(runner.status())),
      serverReference: () => this.#elsewhere(runner.status()),
    });
  }

  #clientPort(runner: MemberRunner): ClientPort {
    return {
      connect: (connection, request) => runner.connect(connection, request),
      disconnect: (connection, how) => runner.disconnect(connection, how),
      subscribe: (connection, packetId, subscriptions) =>
        runner.subscribe(connection, packetId, subscriptions),
      unsubscribe: (connection, packetId, filters) => runner.unsubscribe(connection, packetId, filters),
      publish: (connection, publish) => runner.publish(connection, publish),
      pubrel: (connection, packetId) => runner.pubrel(connection, packetId),
      puback: (connection, packetId) => runner.puback(connection, packetId),
      pubrec: (connection, packetId, refused) => runner.pubrec(connection, packetId, refused),
      pubcomp: (connection, packetId) => runner.pubcomp(connection, packetId),
      writable: (connection, writable) => runner.writable(connection, writable),
      publishLocal: (message) => runner.publishLocal(message),
      status: () => runner.status(),
      onEffects: (handler) =>
        runner.onEffects((effects) => {
          handler(effects);
          this.#reporter.onEffects(effects);
        }),
    };
  }

  #createHttp(runner: MemberRunner): HttpServer {
    const { config } = this.#options;
    const render = (): Promise<string> => {
      this.#reporter.measure(runner.status(), this.#store.usage());
      return this.#metrics.render();
    };
    return createHttpServer({
      host: config.host,
      port: config.http.port,
      logger: this.#logger,
      metrics: { render, contentType: this.#metrics.contentType },
      health: () => ({ ok: true }),
      ready: () => {
        const { state, reason } = runner.status();
        // Isolated is a state that is served and shown, not a reason to be taken out (design, section 6).
        const ok = state === 'serving' || state === 'isolated';
        return reason === '' ? { ok } : { ok, reason };
      },
      status: () => ({
        ...runner.status(),
        counters: {
          publisher: this.#publisher?.status(),
          bridges: this.#bridge?.counters(),
          store: this.#store.usage(),
          memory: process.memoryUsage(),
        },
      }),
    });
  }

  #startPublisher(): void {
    const { config } = this.#options;
    if (config.publisher.rate === 0) return;
    const own = parsePeers(config.peers).find((peer) => peer.id === config.id)!;
    const servers = [...this.#urls()].flatMap(([id, urls]) => urls.map((url) => ({ id, url })));
    const preferred = this.#urls().get(config.id)?.[0] ?? advertisedUrl(config, own);
    this.#publisher = createPublisher({
      memberId: config.id,
      servers: servers.length > 0 ? servers : [{ id: config.id, url: preferred }],
      preferred,
      ...(config.publisher.group === '' ? {} : { sharedGroup: config.publisher.group }),
      ratePerSecond: config.publisher.rate,
      logger: this.#logger.child({ part: 'publisher' }),
    });
    this.#publisher
      .start()
      .catch((error: unknown) => this.#logger.error({ error }, 'the publisher cannot start'));
  }

  /** systemd hears READY once the member has caught up, and then that it lives. */
  #watch(runner: MemberRunner): void {
    const notifier = createNotifier({ logger: this.#logger });
    let ready = false;
    let passed = 0;
    const tell = (): void => {
      if (ready && ++passed % readyStatusIntervals !== 0) return;
      const { state, reason, connections } = runner.status();
      if (!ready && (state === 'serving' || state === 'isolated')) {
        ready = true;
        this.#logger.info({ state }, 'ready');
        void notifier.ready();
      }
      void notifier.status(`${state}${reason === '' ? '' : `: ${reason}`}; ${connections} clients`);
    };
    this.#timers.push(setInterval(tell, statusIntervalMs));
    if (notifier.watchdogIntervalMs !== null) {
      this.#timers.push(setInterval(() => void notifier.watchdog(), notifier.watchdogIntervalMs));
    }
  }

  async #drain(runner: MemberRunner): Promise<void> {
    runner.drain(this.#options.config.drainPerSecond);
    const deadline = performance.now() + drainMsMax;
    while (!runner.status().drained && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  #urls(): Map<string, string[]> {
    const { config } = this.#options;
    const peers = parsePeers(config.peers);
    return parseUrls(
      config.urls,
      peers.map((peer) => peer.id),
    );
  }

  #advertisements(status: MemberStatus): MemberAdvertisement[] {
    const urls = this.#urls();
    return parsePeers(this.#options.config.peers).map(({ id }) => {
      if (id === status.id) {
        return { id, urls: urls.get(id) ?? [], state: status.state, clients: status.connections, load: 0 };
      }
      const peer = status.peers[id];
      const reachable = peer !== undefined && status.links[id] === 'up';
      const state = reachable ? peer.state : 'unreachable';
      return { id, urls: urls.get(id) ?? [], state, clients: peer?.clients ?? 0, load: peer?.load ?? 0 };
    });
  }

  /** Where an MQTT 5 client is better off: the serving member with the fewest clients. */
  #elsewhere(status: MemberStatus): string | undefined {
    const others = this.#advertisements(status).filter(
      (member) => member.id !== status.id && member.state === 'serving' && member.urls.length > 0,
    );
    others.sort((left, right) => left.clients - right.clients);
    const url = others[0]?.urls[0];
    return url === undefined ? undefined : new URL(url).host;
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`tls: the file ${file} cannot be read`, { cause });
  }
}
