import { randomInt } from 'node:crypto';
import { createBridge } from '@mqtt-cluster/bridge';
import type { BridgeTls, ListeningBridge } from '@mqtt-cluster/bridge';
import { createBroker } from '@mqtt-cluster/broker';
import type { Broker } from '@mqtt-cluster/broker';
import type { BridgeCounters, Lifecycle, Logger, Recovered, Store } from '@mqtt-cluster/contracts';
import { createMember, defaultLimits, lanMemberTimings } from '@mqtt-cluster/member';
import { createPublisher } from '@mqtt-cluster/publisher';
import type { Publisher } from '@mqtt-cluster/publisher';
import { createHttpServer } from '@mqtt-cluster/runtime';
import type { HttpServer } from '@mqtt-cluster/runtime';
import { createStore } from '@mqtt-cluster/store';
import { readToken } from '../admin/authorization.ts';
import { watchedPort } from './observed-client-port.ts';
import { advertisedUrl, parsePeers, parseUrls, readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { Measuring } from '../observability/metrics.ts';
import { MemberRunner } from './member-runner.ts';
import { Operations } from './management-interface.ts';
import { systemValues } from '../observability/system-values.ts';
import { StoreReplacement } from './store-replacement.ts';
import { Testing } from '../fault-injection/fault-injection.ts';
import { refuseTwin } from './duplicate-member-id.ts';

/** How long a stop waits for clients to be moved and for the last sync. */
const drainMsMax = 10_000;
const pollMs = 20;

export interface ApplianceOptions {
  readonly config: ApplianceConfig;
  readonly logger: Logger;
  readonly version: string;
  readonly onFatal: (error: unknown) => void;
  /** An operator wants this process to drain and end. */
  readonly onStopRequested: () => void;
}

/** The appliance of one host: broker, bridges, publisher and HTTP around one member. */
export class Appliance implements Lifecycle {
  readonly #options: ApplianceOptions;
  readonly #logger: Logger;
  readonly #measuring: Measuring;
  readonly #store: Store;
  readonly #testing: Testing | null;
  readonly #token: string | null;
  #runner: MemberRunner | null = null;
  #operations: Operations | null = null;
  #replacement: StoreReplacement | null = null;
  #bridge: ListeningBridge | null = null;
  #broker: Broker | null = null;
  #http: HttpServer | null = null;
  #publisher: Publisher | null = null;
  /** Whoever asks again waits for the same end. */
  #stopped: Promise<void> | null = null;

  constructor(options: ApplianceOptions) {
    const { config, logger, version } = options;
    this.#options = options;
    this.#logger = logger;
    this.#token = readToken(config.admin.tokenFile);
    this.#measuring = new Measuring(config, version, logger);
    this.#testing = Testing.from(config, logger);
    const fileSystem = this.#testing?.fileSystem();
    const { metrics } = this.#measuring;
    this.#store = createStore({ directory: config.data, logger, metrics, ...(fileSystem && { fileSystem }) });
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    await this.#testing?.start();
    const own = parsePeers(config.peers).find((peer) => peer.id === config.id)!;
    const tls = readTls(config);
    await refuseTwin({ own, name: config.name, ...(tls && { tls }) });
    const recovered = await this.#store.open(config.id);
    for (const repair of recovered.repairs) this.#logger.warn({}, repair);
    const runner = this.#createRunner(recovered);
    this.#runner = runner;
    this.#bridge = this.#createBridge(runner);
    runner.useBridge(this.#bridge);
    const operations = this.#createOperations(runner);
    this.#operations = operations;
    this.#replacement = new StoreReplacement({
      directory: this.#options.config.data,
      logger: this.#logger,
      maySpare: async () => (await operations.administrator.health(this.#options.config.id)).stop!,
      stop: () => this.stop(),
      outboxItems: () => runner.status().outboxItems,
      onFatal: this.#options.onFatal,
    });
    this.#http = this.#createHttp(runner, operations);
    const broker = this.#createBroker(runner, operations);
    this.#broker = broker;
    // Each of these may find its port in use; nothing has been promised to anybody yet.
    await this.#http.start();
    await this.#bridge.start();
    await runner.start();
    await broker.start();
    await operations.start();
    this.#startPublisher();
  }

  /** Moves the clients, hands over leadership, syncs, ends. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#replacement?.stop();
    await this.#publisher?.stop();
    if (this.#runner !== null) await this.#drain(this.#runner);
    await this.#broker?.stop();
    await this.#runner?.stop();
    await this.#bridge?.stop();
    await this.#http?.stop();
    await this.#store.close();
    await this.#testing?.stop();
    this.#measuring.metrics.stop();
    await this.#operations?.stop();
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
      measures: this.#measuring.reporter.measures,
    });
    if (config.bootstrap) member.bootstrap();
    return new MemberRunner({
      id: config.id,
      member,
      store: this.#store,
      now: () => performance.now(),
      onEvents: (events, turnMs) => {
        this.#measuring.reporter.onEvents(events, turnMs);
        this.#operations?.onEvents(events);
        for (const event of events) if (event.kind === 'storeUnfit') this.#replacement?.begin(event.index);
      },
      onFatal,
    });
  }

  #createOperations(runner: MemberRunner): Operations {
    const { config, onStopRequested } = this.#options;
    return new Operations({
      config,
      runner,
      members: parsePeers(config.peers).map((peer) => peer.id),
      urls: this.#urls(),
      logger: this.#logger,
      metrics: this.#measuring.metrics,
      token: this.#token,
      mqttAddress: () => localAddress(this.#broker!.addresses()[0]!),
      roundTripMs: () => middleRoundTripMs(this.#bridge!.counters()),
      stop: onStopRequested,
    });
  }

  #createBridge(runner: MemberRunner): ListeningBridge {
    const { config } = this.#options;
    const tls = readTls(config);
    return createBridge({
      self: config.id,
      cluster: config.name,
      peers: parsePeers(config.peers),
      listen: { host: config.host, port: config.cluster.port },
      ...(tls && { tls }),
      handlers: {
        onMessage: (from, message) => runner.receive(from, message),
        onLink: (peer, state) => runner.link(peer, state),
      },
      logger: this.#logger,
      metrics: this.#measuring.metrics,
    });
  }

  #createBroker(runner: MemberRunner, operations: Operations): Broker {
    const { config, version } = this.#options;
    const { reporter } = this.#measuring;
    const port = watchedPort(runner, () => reporter.onHandedOver());
    return createBroker({
      memberId: config.id,
      port: this.#testing?.wrap(port) ?? port,
      listeners: [{ host: config.host, port: config.mqtt.port, kind: 'tcp' }],
      limits: { clientsMax: config.mqtt.clientsMax },
      logger: this.#logger,
      metrics: this.#measuring.metrics,
      version,
      members: () => JSON.stringify(operations.advertisements()),
      systemValues: () =>
        systemValues(runner.status(), {
          dropped: reporter.dropped,
          accepts: config.whenIsolated === 'accept',
        }),
      serverReference: () => operations.elsewhere(),
      admission: () => operations.admission(),
      administration: {
        isAdministrator: ({ userName, password }) =>
          operations.authorization.mayUseTopics(userName, password),
        onCommand: (command, payload) => void operations.onTopicCommand(command, payload),
      },
    });
  }

  #createHttp(runner: MemberRunner, operations: Operations): HttpServer {
    const { config } = this.#options;
    const measuring = this.#measuring;
    const render = (): Promise<string> =>
      measuring.render(runner.status(), this.#store.usage(), [this.#broker, this.#bridge, this.#publisher]);
    return createHttpServer({
      host: config.host,
      port: config.http.port,
      logger: this.#logger,
      metrics: { render, contentType: measuring.metrics.contentType },
      health: () => operations.health(),
      routes: operations.routes,
      ready: () => operations.ready(),
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
      metrics: this.#measuring.metrics,
    });
    this.#publisher
      .start()
      .catch((error: unknown) => this.#logger.error({ error }, 'the publisher cannot start'));
  }

  async #drain(runner: MemberRunner): Promise<void> {
    runner.operate((member) => member.drain(this.#options.config.drainPerSecond));
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
}

/** Who listens on all addresses is reached by loopback. */
function localAddress({ host, port }: { host: string; port: number }): { host: string; port: number } {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}

function readTls({ tls: { key, cert, ca } }: ApplianceConfig): BridgeTls | null {
  return key === '' ? null : { key: readPem(key), cert: readPem(cert), ca: readPem(ca) };
}

function middleRoundTripMs(peers: Readonly<Record<string, BridgeCounters>>): number {
  const known = Object.values(peers).flatMap(({ roundTripMs }) => roundTripMs ?? []);
  known.sort((left, right) => left - right);
  return known[Math.floor(known.length / 2)] ?? 0;
}
