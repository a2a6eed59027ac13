import type { Duplex } from 'node:stream';
import type {
  AccessSubject,
  Authenticator,
  EverySecond,
  Lifecycle,
  Logger,
  MemberAdvertisement,
  MemberEvent,
  MemberId,
  Role,
} from '@mqtt-cluster/contracts';
import { adminAnswerTopic, decodeText } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createNotifier, measureEventLoopDelay } from '@mqtt-cluster/runtime';
import type { HttpResponse, HttpRequest, CheckResult } from '@mqtt-cluster/runtime';
import { AdminCommandHandler } from '../admin/admin-command-handler.ts';
import { AdminAccess } from '../admin/access/admin-access.ts';
import { includesRole, neededRole } from '../admin/access/admin-roles.ts';
import { AuditLog } from '../admin/access/audit-log.ts';
import { Authorization } from '../admin/authorization.ts';
import { BackupSnapshots } from '../admin/backup-snapshots.ts';
import { adminRoutes } from '../admin/routes.ts';
import { RuleAdministration } from '../admin/rules/rule-administration.ts';
import { UserAdministration } from '../admin/users/user-administration.ts';
import type { ApplianceConfig } from '../config.ts';
import { LoadMeter } from '../health/load-meter.ts';
import type { Admission } from '../health/load-meter.ts';
import { SelfProbe } from '../health/self-probe.ts';
import type { ProbeCredentials } from '../health/self-probe.ts';
import { ServiceManagerReporter } from '../health/service-manager-reporter.ts';
import { announcedUrls, trustsLoopback, runsOnLoopback } from '../listeners/client-listeners.ts';
import type { ListenerKind } from '../listeners/client-listeners.ts';
import { Sessions } from '../web/sessions.ts';
import { SignIn } from '../web/sign-in.ts';
import { countingNotifier } from '../observability/counting-notifier.ts';
import { ClusterView } from './cluster-view.ts';
import type { MemberRunner } from './member-runner.ts';

/** Lifetime of a cached redirection target. Computing the target anew for each client would be costly. */
const redirectTargetMsMax = 250;

/** Time between two warnings that the admin token crosses the network without encryption, ms. */
const exposureIntervalMs = 600_000;

/** A member that has had no turn for this time hangs. An idle member has at least two turns a second. */
const turnIntervalMsMax = 10_000;

export interface ManagementInterfaceOptions {
  readonly config: ApplianceConfig;
  readonly members: readonly MemberId[];
  readonly runner: MemberRunner;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly everySecond: EverySecond;
  /** Token of the admin interface; null without `admin.tokenFile`. */
  readonly token: string | null;
  /** Checks the users of the cluster that administer by HTTP. */
  readonly authenticate: Authenticator['authenticate'];
  /** Returns whether a user may keep its session of the console. */
  readonly keepsRole: (subject: AccessSubject) => boolean;
  /** Returns the hash of a new password of a user. */
  readonly createHash: (password: Uint8Array) => Promise<string>;
  /** Credentials with which the listeners accept the probe of this process. */
  readonly probeCredentials: () => ProbeCredentials;
  /** Opens a connection of the self probe to this member's own broker. */
  readonly connectToBroker: () => Duplex;
  /**
   * Median round-trip time to the peers, ms: at least half of the peers answer within this time. 0 before the first
   * answer.
   */
  readonly roundTripMs: () => number;
  /** Drains this member and ends the process. */
  readonly stop: () => void;
}

/**
 * The interface of one member for operators, load balancers and the service manager: health, status, redirection
 * and admin commands.
 */
export class ManagementInterface implements Lifecycle {
  readonly authorization: Authorization;
  readonly commandHandler: AdminCommandHandler;
  readonly routes: (request: HttpRequest) => Promise<HttpResponse> | null;
  readonly #options: ManagementInterfaceOptions;
  readonly access: AdminAccess;
  readonly audit: AuditLog;
  readonly sessions: Sessions;
  /** Signs users of the console in and out. */
  readonly signIn: SignIn;
  /** The users and rules of the cluster. */
  readonly users: UserAdministration;
  readonly rules: RuleAdministration;
  readonly backups: BackupSnapshots;
  readonly #view: ClusterView;
  readonly #loadMeter = new LoadMeter();
  readonly #redirectTargets = new Map<
    ListenerKind,
    { readonly hostAndPort: string | undefined; readonly untilMs: number }
  >();
  #exposedAtMs = -Infinity;
  #serviceManager: ServiceManagerReporter | null = null;
  #stopDelays: () => void = () => {};

  constructor(options: ManagementInterfaceOptions) {
    const { config, runner, members, stop } = options;
    this.#options = options;
    this.#view = new ClusterView({
      members,
      urls: config.urls,
      ownUrls: announcedUrls(config),
      usesLoopback: runsOnLoopback(config),
    });
    this.authorization = new Authorization(options.token, trustsLoopback(config));
    const now = (): number => performance.now();
    this.sessions = new Sessions({ isCurrent: options.keepsRole, now });
    this.access = new AdminAccess({
      authorization: this.authorization,
      authenticator: { authenticate: options.authenticate },
      sessions: this.sessions,
      lab: config.lab,
      servesHttps: config.http.tls.key !== '',
      now,
      onExposedToken: (address) => this.warnOfExposedToken({ address }),
    });
    this.audit = new AuditLog(options.logger, options.metrics, now);
    this.signIn = new SignIn({ access: this.access, sessions: this.sessions, audit: this.audit });
    this.commandHandler = new AdminCommandHandler({
      runner,
      drainPerSecond: config.drainPerSecond,
      stop,
      now,
    });
    this.users = new UserAdministration({
      table: () => runner.readMember((member) => member.access()),
      change: (change) => this.commandHandler.changeAccess(change),
      createHash: (password) => options.createHash(password),
    });
    this.rules = new RuleAdministration({
      table: () => runner.readMember((member) => member.access()),
      change: (change) => this.commandHandler.changeAccess(change),
    });
    this.backups = new BackupSnapshots(runner);
    this.routes = adminRoutes({
      commandHandler: this.commandHandler,
      users: this.users,
      rules: this.rules,
      access: this.access,
      audit: this.audit,
      clusterName: config.name,
      isKnownMember: (member) => this.isKnownMember(member),
      snapshot: () => this.backups.take(),
    });
  }

  /**
   * Starts the reports to the service manager, such as READY. Call `start` after all other components have
   * started.
   */
  async start(): Promise<void> {
    const { logger, metrics, runner, config, connectToBroker, probeCredentials, everySecond } = this.#options;
    const now = (): number => performance.now();
    this.#stopDelays = measureEventLoopDelay((delayMs) => this.#measureLoad(delayMs), now, everySecond);
    const selfProbe = new SelfProbe({
      memberId: config.id,
      connect: connectToBroker,
      credentials: probeCredentials(),
      now,
    });
    const status = () => runner.status();
    const notifier = countingNotifier(createNotifier({ logger }), metrics);
    this.#serviceManager = new ServiceManagerReporter({
      ...{ notifier, logger, status, now, selfProbe, everySecond },
    });
    this.#serviceManager.start();
  }

  /** Ends the watchdog keep-alives. Call `stop` after all other components have stopped. */
  async stop(): Promise<void> {
    this.#stopDelays();
    this.sessions.stop();
    this.audit.flush();
    this.#serviceManager?.stop();
  }

  onEvents(events: readonly MemberEvent[]): void {
    this.commandHandler.onEvents(events);
  }

  /**
   * Executes a command that arrived on an admin topic, and publishes the result on this member's answer
   * topic.
   */
  async onTopicCommand(command: string, payload: Uint8Array, author?: AccessSubject): Promise<void> {
    const { config, runner } = this.#options;
    const parameters = parametersOf(payload);
    const { code, body } = await this.commandHandler.execute(command, parameters);
    // Without users, only clients with the admin token reach the admin topics.
    const actor = { name: author?.identity.user ?? 'token', role: author?.role ?? 'admin' };
    const address = author?.identity.address ?? '';
    this.audit.onAct({ way: 'topic', action: command, actor, address, parameters }, code);
    const answer = Buffer.from(JSON.stringify({ command, code, ...body }));
    runner.publishLocal({ topic: adminAnswerTopic(config.id), payload: answer, qos: 0, retain: false });
  }

  /** Returns whether a client with this role may publish the command on an admin topic. */
  mayRun(command: string, role: Role): boolean {
    return includesRole(role, neededRole(command));
  }

  // ---- health and redirection ----

  /** Returns the liveness of the member. The process should be restarted when the check fails. */
  health(): CheckResult {
    const turnAgeMs = performance.now() - this.#options.runner.lastTurnMs;
    if (turnAgeMs <= turnIntervalMsMax) return { ok: true };
    return { ok: false, reason: `the member has had no turn for ${Math.round(turnAgeMs)} ms` };
  }

  /**
   * Returns the readiness: whether clients may connect to this member. An isolated member is ready, because
   * it serves clients (docs/DESIGN.md, "Loss of quorum").
   */
  ready(): CheckResult {
    const { state, reason } = this.#options.runner.status();
    const ok = state === 'serving' || state === 'isolated';
    return reason === '' ? { ok } : { ok, reason };
  }

  /** 0 (idle) to 1 (overloaded). */
  get load(): number {
    return this.#loadMeter.load;
  }

  /** Returns whether the `peers` setting or the cluster configuration lists the member. */
  isKnownMember(member: MemberId): boolean {
    const { members, runner } = this.#options;
    return (
      members.includes(member) || runner.status().config?.members.some(({ id }) => id === member) === true
    );
  }

  advertisements(): MemberAdvertisement[] {
    return this.#view.advertisements(this.#options.runner.status(), this.#loadMeter.load);
  }

  /**
   * Returns the Server Reference (host and port) of the member to which MQTT 5 clients of a listener of this kind are
   * redirected.
   */
  serverReference(kind: ListenerKind): string | undefined {
    const nowMs = performance.now();
    const former = this.#redirectTargets.get(kind);
    if (former !== undefined && nowMs < former.untilMs) return former.hostAndPort;
    const hostAndPort = this.#view.redirectTarget(this.#options.runner.status(), this.#loadMeter.load, kind);
    this.#redirectTargets.set(kind, { hostAndPort, untilMs: nowMs + redirectTargetMsMax });
    return hostAndPort;
  }

  admission(): Admission {
    return this.#loadMeter.admission;
  }

  /** Logs that the right admin token has arrived where others may have read it, at most once in ten minutes. */
  warnOfExposedToken(fields: { readonly address: string; readonly listener?: string }): void {
    const nowMs = performance.now();
    if (nowMs - this.#exposedAtMs < exposureIntervalMs) return;
    this.#exposedAtMs = nowMs;
    this.#options.logger.warn(
      fields,
      'the admin token has arrived without encryption from a client that does not count as one of this host, so others may ' +
        'have read it: use HTTPS (http.tls), a tls or wss listener, or a loopback address of this host (needs ' +
        'admin.trustLoopback: true and no proxy on this host), and replace the token (admin.tokenFile)',
    );
  }

  #measureLoad(delayMs: number): void {
    const { runner, config, logger, roundTripMs } = this.#options;
    const { connections, pendingCommands } = runner.status();
    const before = this.#loadMeter.admission;
    this.#loadMeter.sample({
      delayMs,
      clients: connections,
      clientsMax: config.mqtt.clientsMax,
      pendingCommands,
    });
    const { load, admission } = this.#loadMeter;
    const latencyMs = delayMs + roundTripMs();
    // The peers get a new load with the next turn, which need not be caused by it.
    runner.adjustMember((member) => {
      member.setLoad(load);
      member.setLatency(latencyMs);
    });
    if (admission !== before) {
      logger.warn({ load, admission, before }, `load changed the admission of new clients to "${admission}"`);
    }
  }
}

/** Decodes JSON. Returns a payload that is not JSON in UTF-8 as a text, which the command handler rejects. */
function parametersOf(payload: Uint8Array): unknown {
  try {
    const text = decodeText(payload).trim();
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return Buffer.from(payload).toString('utf8');
  }
}
