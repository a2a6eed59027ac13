import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createBridge } from '@mqtt-cluster/bridge';
import type { ListeningBridge } from '@mqtt-cluster/bridge';
import { createBroker } from '@mqtt-cluster/broker';
import type { Broker, ListenerOptions } from '@mqtt-cluster/broker';
import { createEverySecond } from '@mqtt-cluster/contracts';
import type {
  BridgeCounters,
  Lifecycle,
  LinkState,
  Logger,
  MemberId,
  RecoveredState,
  Store,
} from '@mqtt-cluster/contracts';
import {
  createMember,
  defaultLimits,
  lanMemberTimings,
  replicatedBytesMax,
  warmUp,
} from '@mqtt-cluster/member';
import type { Publisher } from '@mqtt-cluster/publisher';
import { createHttpServer, WatchedFiles } from '@mqtt-cluster/runtime';
import type { HttpServer, HttpTls } from '@mqtt-cluster/runtime';
import { createStore, messagePagesIn } from '@mqtt-cluster/store';
import { AccessRules } from '../access/access-rules.ts';
import { watchAclFile } from '../access/acl-file.ts';
import type { AclFile } from '../access/acl-file.ts';
import { composeApi } from '../api/compose.ts';
import { readToken } from '../admin/authorization.ts';
import { ClientAuthentication } from '../authentication/client-authentication.ts';
import { isWillOf } from '../authentication/departed-wills.ts';
import { internalListeners } from '../authentication/internal-listeners.ts';
import { ownAddress } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { FaultInjection } from '../fault-injection/fault-injection.ts';
import { streamPair } from '../health/stream-pair.ts';
import { brokerListeners } from '../listeners/broker-listeners.ts';
import { announcedUrls, directListener, trustsLoopback } from '../listeners/client-listeners.ts';
import { WatchedTls } from '../listeners/watched-tls.ts';
import { brokerLimits } from '../limits/broker-limits.ts';
import type { MemoryGuard } from '../limits/memory-guard.ts';
import { startMemoryGuard } from '../limits/start-memory-guard.ts';
import { composeLinks } from '../links/compose-links.ts';
import type { Links } from '../links/compose-links.ts';
import { ApplianceMetrics } from '../observability/metrics.ts';
import { StopGauge } from '../observability/stop-gauge.ts';
import { systemTopics } from '../observability/system-topics.ts';
import { internalConnectionIds } from '../state-changes/internal-connection-ids.ts';
import { StateChanges } from '../state-changes/state-changes.ts';
import {
  answerQuestions,
  answerTraces,
  apiVersion,
  ClusterEvents,
  ClusterQuestions,
  ClusterTraces,
  EventLog,
  PeerQueries,
  recordClientEvent,
} from '../queries/index.ts';
import { checkStartFiles, doorsOf } from './check-config.ts';
import { ClockKeeper } from './clock-keeper.ts';
import { followHttpTls, openHttpTls } from './http-tls.ts';
import { listenAddress } from './listen-address.ts';
import { ConsoleFiles } from '../web/console-files.ts';
import { MqttUpgrades } from '../web/mqtt-upgrades.ts';
import { requestGuard } from '../web/request-guard.ts';
import { rejectDuplicateMemberId } from './duplicate-member-id.ts';
import { ManagementInterface } from './management-interface.ts';
import { MemberRunner } from './member-runner.ts';
import { observedClientPort } from './observed-client-port.ts';
import { openPublisherAccess } from '../authentication/publisher-credentials.ts';
import type { PublisherAccess } from '../authentication/publisher-credentials.ts';
import { createOwnPublisher } from './own-publisher.ts';
import { PacedSteps } from './paced-steps.ts';
import { RevokedMember } from './revoked-member.ts';
import { warnOfOpenDoors } from './start-rules.ts';
import type { OpenDoor } from './start-rules.ts';
import { StoreReplacement } from './store-replacement.ts';

/** Upper bound of the time that a stop waits until the member has drained, ms. */
const drainMsMax = 10_000;
const pollMs = 20;

export interface ApplianceOptions {
  readonly config: ApplianceConfig;
  readonly logger: Logger;
  readonly version: string;
  /** Called with an error after which the process must exit. */
  readonly onFatal: (error: unknown) => void;
  /** Called when an operator requests that this process drains and exits. */
  readonly onStopRequested: () => void;
}

/** The appliance of one host: one member with its store, broker, bridge, publisher and HTTP server. */
export class Appliance implements Lifecycle {
  readonly #options: ApplianceOptions;
  readonly #logger: Logger;
  readonly #metrics: ApplianceMetrics;
  readonly #everySecond = createEverySecond();
  readonly #store: Store;
  readonly #faultInjection: FaultInjection | null;
  readonly #token: string | null;
  /** Files of the configuration that are read again when they change. */
  readonly #files: WatchedFiles;
  #tls: WatchedTls | null = null;
  #authentication: ClientAuthentication | null = null;
  #runner: MemberRunner | null = null;
  #management: ManagementInterface | null = null;
  #replacement: StoreReplacement | null = null;
  #clock: ClockKeeper | null = null;
  #bridge: ListeningBridge | null = null;
  /** Questions to the other members, and the answers of this member. */
  readonly #queries: PeerQueries;
  readonly #events = new EventLog();
  readonly #clusterEvents: ClusterEvents;
  /** Questions about all members, for the HTTP API. */
  readonly clusterQueries: ClusterQuestions;
  readonly clusterTraces: ClusterTraces;
  #broker: Broker | null = null;
  /** Changes of the replicated state for the HTTP API. */
  #stateChanges: StateChanges | null = null;
  /** Links to other brokers. */
  #links: Links | null = null;
  readonly #linkStates = new Map<MemberId, LinkState>();
  #http: HttpServer | null = null;
  #publisher: Publisher | null = null;
  #memory: MemoryGuard | null = null;
  readonly #warmUp = new PacedSteps(warmUp());
  /** Settings that let strangers in. Set by `start`. */
  #doors: readonly OpenDoor[] = [];
  /** The address that the listeners for peers and HTTP requests bind. Set by `start`. */
  #listenHost = '';
  /** Set by the first call of `stop`. Later calls return the same promise. */
  #stopped: Promise<void> | null = null;

  constructor(options: ApplianceOptions) {
    const { config, logger, version } = options;
    this.#options = options;
    this.#logger = logger;
    this.#token = readToken(config.admin.tokenFile);
    this.#queries = new PeerQueries({
      self: config.id,
      members: config.peers.map(({ id }) => id),
      send: (outgoing) => this.#bridge?.send(outgoing),
      logger,
    });
    this.#clusterEvents = new ClusterEvents(config.id, this.#events);
    answerQuestions(this.#queries, { broker: () => this.#broker, events: this.#events });
    answerTraces(this.#queries, () => this.#broker);
    const members = config.peers.map(({ id }) => id);
    this.clusterQueries = new ClusterQuestions(this.#queries, members);
    this.clusterTraces = new ClusterTraces(this.#queries, members);
    this.#metrics = new ApplianceMetrics(config, version, logger, this.#everySecond);
    this.#faultInjection = FaultInjection.from(config, logger);
    const fileSystem = this.#faultInjection?.fileSystem();
    const metrics = this.#metrics.registry;
    this.#files = new WatchedFiles({ logger, metrics });
    this.#store = createStore({ directory: config.data, logger, metrics, ...(fileSystem && { fileSystem }) });
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    checkStartFiles(config);
    this.#doors = doorsOf(config);
    warnOfOpenDoors(this.#doors, this.#logger);
    this.#authentication = await ClientAuthentication.open({
      config,
      files: this.#files,
      logger: this.#logger,
      metrics: this.#metrics.registry,
      table: () => this.#runner!.readMember((member) => member.access()),
      isAdministrator: (userName, password) =>
        this.#management!.authorization.allowsTopics(userName, password),
      onExposedToken: (client) => this.#management!.warnOfExposedToken(client),
    });
    const aclFile = await watchAclFile(config.mqtt.aclFile, this.#files);
    const publisherAccess = await openPublisherAccess(config, this.#files, this.#metrics.registry);
    await this.#faultInjection?.start();
    this.#listenHost = await listenAddress(config.host, this.#logger);
    const watchedTls = await WatchedTls.read(config, this.#files, this.#metrics.registry);
    this.#tls = watchedTls;
    const tls = watchedTls.cluster;
    await rejectDuplicateMemberId({ own: ownAddress(config), name: config.name, ...(tls && { tls }) });
    const recovered = await this.#store.open(config.id);
    for (const repair of recovered.repairs) this.#logger.warn({}, repair);
    const runner = this.#createRunner(recovered);
    this.#runner = runner;
    this.#bridge = this.#createBridge(runner);
    runner.attachBridge(this.#bridge);
    const management = this.#createManagementInterface(runner);
    this.#management = management;
    this.#replacement = new StoreReplacement({
      directory: config.data,
      logger: this.#logger,
      stopSafety: async () => (await management.commandHandler.health(config.id)).stop!,
      stop: () => this.stop(),
      outboxItems: () => runner.status().outboxItems,
      onFatal: this.#options.onFatal,
    });
    const httpTls = await openHttpTls(config, this.#files);
    const http = this.#createHttp(runner, management, httpTls?.current);
    if (httpTls !== null) followHttpTls(httpTls, this.#metrics.registry, (tls) => http.setTls(tls));
    this.#http = http;
    const listeners = await brokerListeners(config, {
      addressOf: (host) => listenAddress(host, this.#logger),
      tlsOf: (name) => watchedTls.listener(name),
    });
    const access = this.#createAccessRules(runner, aclFile);
    const broker = this.#createBroker(runner, management, listeners, access);
    this.#broker = broker;
    // Each listener fails to start when its port is in use. A failed start loses nothing,
    // because the member has acknowledged no message yet.
    await this.#http.start();
    // Node's HTTP server checks its connections with a timer of one second, which has just started.
    this.#everySecond.restart();
    await this.#bridge.start();
    await runner.start();
    this.#clock = new ClockKeeper({
      store: this.#store,
      readMember: (read) => runner.readMember(read),
      wallMs: () => Date.now(),
      everySecond: this.#everySecond,
      recoveredMs: recovered.clusterTimeMs,
    });
    await this.#clock.start();
    this.#memory = await startMemoryGuard({
      config,
      broker,
      replicatedBytes: replicatedBytesMax(runner.status().settings).total,
      stateBytes: () => runner.status().stateBytes,
      metrics: this.#metrics.registry,
      logger: this.#logger,
      everySecond: this.#everySecond,
    });
    await broker.start();
    watchedTls.attach(broker, this.#bridge);
    await management.start();
    await this.#links!.manager.start();
    this.#startPublisher(publisherAccess);
    this.#warmUp.start();
  }

  /**
   * Reads certificates and the other files of the configuration again. A file that cannot be used is logged, and its
   * former content stays in use.
   */
  reload(): Promise<void> {
    return this.#files.reload();
  }

  /**
   * Drains the member (closes client connections, transfers leadership), stops all components and closes the
   * store.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    // First, so that a client that waits for a backup gets the reason.
    this.#management?.backups.stop();
    this.#replacement?.stop();
    this.#warmUp.stop();
    this.#files.stop();
    await this.#memory?.stop();
    await this.#publisher?.stop();
    await this.#links?.manager.stop();
    if (this.#runner !== null) await this.#drain(this.#runner);
    await this.#broker?.stop();
    await this.#authentication?.stop();
    await this.#clock?.stop();
    await this.#runner?.stop();
    this.#queries.stop();
    await this.#bridge?.stop();
    await this.#http?.stop();
    await this.#store.close();
    await this.#faultInjection?.stop();
    this.#metrics.registry.stop();
    await this.#management?.stop();
  }

  #createRunner(recovered: RecoveredState): MemberRunner {
    const { config, onFatal } = this.#options;
    const { heartbeatMs, electionMsMin, electionMsMax, isolatedAfterMs, lostAfterMs } = config.timings;
    const raft = { ...lanMemberTimings.raft, heartbeatMs, electionMsMin, electionMsMax };
    const member = createMember({
      id: config.id,
      members: config.peers.map(({ id }) => id),
      urls: announcedUrls(config),
      api: apiVersion,
      recovered,
      whenIsolated: config.whenIsolated,
      willAfterFailover: config.mqtt.willAfterFailover,
      timings: { ...lanMemberTimings, raft, isolatedAfterMs, lostAfterMs },
      limits: {
        ...defaultLimits,
        logBytesMax: config.limits.logBytesMax,
        outboxBytesMax: config.limits.outboxBytesMax,
        messageCacheBytesMax: config.limits.cacheBytesMax,
      },
      openMessagePages: messagePagesIn(join(config.data, 'pages'), {
        onWriteError: (error) =>
          this.#logger.warn(
            { error },
            'queued messages stay in memory: they cannot be written to the folder "pages" of the data directory',
          ),
      }),
      // Raft needs different times, not secret ones: a follower draws a number for each heartbeat.
      random: Math.random,
      measures: this.#metrics.reporter.measures,
    });
    if (config.bootstrap) member.bootstrap();
    return new MemberRunner({
      id: config.id,
      member,
      store: this.#store,
      now: () => performance.now(),
      onEvents: (events, turnMs) => {
        this.#metrics.reporter.onEvents(events, turnMs);
        this.#clusterEvents.record(events);
        this.#management?.onEvents(events);
        for (const event of events) if (event.kind === 'storeUnfit') this.#replacement?.request(event.index);
      },
      onFatal,
    });
  }

  #createManagementInterface(runner: MemberRunner): ManagementInterface {
    const { config, onStopRequested } = this.#options;
    return new ManagementInterface({
      config,
      runner,
      members: config.peers.map(({ id }) => id),
      logger: this.#logger,
      metrics: this.#metrics.registry,
      everySecond: this.#everySecond,
      token: this.#token,
      authenticate: (credentials) => this.#authentication!.authenticate(credentials),
      keepsRole: (subject) => this.#authentication!.keepsRole(subject),
      createHash: (password) => this.#authentication!.hashes.create(password),
      probeCredentials: () => this.#authentication!.probeCredentials,
      connectToBroker: () => this.#connectToBroker(),
      roundTripMs: () => medianRoundTripMs(this.#bridge!.counters()),
      stop: onStopRequested,
    });
  }

  #createBridge(runner: MemberRunner): ListeningBridge {
    const { config } = this.#options;
    const tls = this.#tls?.cluster ?? null;
    const peers = config.peers.map(({ id }) => id).filter((id) => id !== config.id);
    const revoked = new RevokedMember({ self: config.id, peers, onFatal: this.#options.onFatal });
    return createBridge({
      self: config.id,
      cluster: config.name,
      peers: config.peers,
      listen: { host: this.#listenHost, port: config.cluster.port },
      ...(tls && { tls }),
      handlers: {
        onMessage: (from, message) => {
          if (!this.#queries.onMessage(from, message)) runner.receive(from, message);
        },
        onLink: (peer, state) => {
          this.#linkStates.set(peer, state);
          this.#queries.onLink(peer, state);
          runner.link(peer, state);
          revoked.onLink(peer, state);
        },
      },
      onRevoked: (peer) => revoked.onRevoked(peer),
      logger: this.#logger,
      metrics: this.#metrics.registry,
      everySecond: this.#everySecond,
    });
  }

  #createAccessRules(runner: MemberRunner, aclFile: AclFile | null): AccessRules {
    const authentication = this.#authentication!;
    const access = new AccessRules({
      table: () => runner.readMember((member) => member.access()),
      isCurrent: (subject) => authentication.isCurrent(subject),
      isInternal: (subject) => authentication.isInternal(subject),
      ...(aclFile && { aclRules: aclFile.current }),
    });
    aclFile?.onChange((rules) => access.setAclRules(rules));
    authentication.onChange(() => access.onUsersChanged());
    authentication.onUsersLost((names) =>
      runner.callMember((member) =>
        member.discardWills(({ source, user }) => source === 'passwordFile' && names.has(user)),
      ),
    );
    return access;
  }

  #createBroker(
    runner: MemberRunner,
    management: ManagementInterface,
    listeners: readonly ListenerOptions[],
    access: AccessRules,
  ): Broker {
    const { config, version } = this.#options;
    const { reporter } = this.#metrics;
    const nextConnection = internalConnectionIds();
    const stateChanges = new StateChanges(runner, nextConnection);
    this.#stateChanges = stateChanges;
    const links = composeLinks({
      config,
      runner,
      queries: this.#queries,
      linkState: (peer) => this.#linkStates.get(peer) ?? 'down',
      nextConnection,
      logger: this.#logger.child({ part: 'links' }),
      metrics: this.#metrics.registry,
      everySecond: this.#everySecond,
    });
    this.#links = links;
    const port = observedClientPort(runner, (effects) => {
      reporter.onEffectsWritten();
      stateChanges.onEffects(effects);
      links.onEffects(effects);
    });
    return createBroker({
      memberId: config.id,
      port: this.#faultInjection?.wrap(port) ?? port,
      listeners,
      limits: brokerLimits(config, this.#logger),
      logger: this.#logger,
      metrics: this.#metrics.registry,
      everySecond: this.#everySecond,
      version,
      members: () => JSON.stringify(management.advertisements()),
      systemValues: () =>
        systemTopics(runner.status(), {
          dropped: reporter.droppedMessages,
          expired: reporter.expiredSessions,
          accepts: config.whenIsolated === 'accept',
        }),
      droppedMessages: () => reporter.droppedMessages,
      serverReference: (kind) => management.serverReference(kind),
      admission: () => management.admission(),
      authenticator: this.#authentication!,
      onDepartedRevoked: (clients) => runner.callMember((member) => member.discardWills(isWillOf(clients))),
      onClientEvent: (event) => recordClientEvent(this.#events, event),
      access,
      administration: {
        mayRun: (command, role) => management.mayRun(command, role),
        onCommand: (command, payload, subject) => void management.onTopicCommand(command, payload, subject),
      },
    });
  }

  /**
   * Opens a connection of the self probe: to the first plain listener that serves this host directly. A member without
   * such a listener is probed inside this process, because the probe has no certificate and is no proxy.
   */
  #connectToBroker(): Duplex {
    const plain = directListener(this.#options.config, 'tcp');
    const bound = this.#broker!.addresses().find(({ name }) => name === plain?.name);
    if (bound !== undefined) return connect(localAddress(bound));
    const [probe, served] = streamPair();
    this.#broker!.handle(served, { listener: internalListeners.probe });
    return probe;
  }

  #createHttp(runner: MemberRunner, management: ManagementInterface, tls?: HttpTls): HttpServer {
    const { config } = this.#options;
    const metrics = this.#metrics;
    const turns = { report: () => metrics.reporter.updateTurns(runner.turns) };
    const stopGauge = new StopGauge({
      member: config.id,
      metrics: metrics.registry,
      health: () => management.commandHandler.health(),
    });
    const render = (): Promise<string> =>
      metrics.render(runner.status(), this.#store.usage(), [
        this.#broker,
        this.#bridge,
        this.#publisher,
        this.#links?.manager ?? null,
        turns,
        stopGauge,
      ]);
    const files = new ConsoleFiles({ needsTls: tls !== undefined });
    const api = composeApi({
      config,
      version: this.#options.version,
      logger: this.#logger,
      runner,
      management,
      queries: this.#queries,
      clusterQueries: this.clusterQueries,
      clusterTraces: this.clusterTraces,
      stateChanges: () => this.#stateChanges,
      links: () => this.#links?.manager ?? null,
      authentication: this.#authentication!,
      reporter: metrics.reporter,
      memoryPressure: () => this.#memory?.effect ?? 'none',
      broker: () => this.#broker,
    });
    const upgrades = new MqttUpgrades({
      sessions: management.sessions,
      authentication: this.#authentication!,
      authorization: management.authorization,
      broker: () => this.#broker,
      lab: config.lab,
    });
    return createHttpServer({
      host: this.#listenHost,
      port: config.http.port,
      ...(tls && { tls, plainToo: config.http.plain, trustsThisHost: trustsLoopback(config) }),
      logger: this.#logger,
      metrics: { render, contentType: metrics.registry.contentType },
      health: () => management.health(),
      guard: requestGuard(config),
      takeOver: (exchange) => api.takeOver(exchange),
      onUpgrade: (upgrade) => upgrades.handle(upgrade),
      routes: (request) => files.respond(request) ?? management.routes(request),
      ready: () => management.ready(),
      status: () => ({
        ...runner.status(),
        warnings: this.#doors.map(({ text }) => text),
        counters: {
          publisher: this.#publisher?.status(),
          bridges: this.#bridge?.counters(),
          store: this.#store.usage(),
          memory: process.memoryUsage(),
        },
      }),
    });
  }

  #startPublisher(access: PublisherAccess | null): void {
    const { config } = this.#options;
    if (config.publisher.rate === 0) return;
    this.#publisher = createOwnPublisher({
      config,
      access,
      logger: this.#logger.child({ part: 'publisher' }),
      metrics: this.#metrics.registry,
      openStream: () => {
        const [publisher, served] = streamPair();
        this.#broker!.handle(served, { listener: internalListeners.publisher });
        return publisher;
      },
    });
    this.#publisher
      .start()
      .catch((error: unknown) => this.#logger.error({ error }, 'the publisher could not start'));
  }

  async #drain(runner: MemberRunner): Promise<void> {
    runner.callMember((member) => member.drain(this.#options.config.drainPerSecond));
    const deadline = performance.now() + drainMsMax;
    while (!runner.status().drained && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

/**
 * Returns the address at which this process reaches its own listener: loopback for a listener on all addresses.
 */
function localAddress({ host, port }: { host: string; port: number }): { host: string; port: number } {
  // A listener at :: also accepts IPv4 connections, and a host may have no IPv6 loopback address.
  return { host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port };
}

function medianRoundTripMs(peers: Readonly<Record<string, BridgeCounters>>): number {
  const measured = Object.values(peers).flatMap(({ roundTripMs }) => roundTripMs ?? []);
  measured.sort((left, right) => left - right);
  return measured[Math.floor(measured.length / 2)] ?? 0;
}
