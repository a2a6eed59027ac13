import type { Lifecycle, Logger, MemberAdvertisement, MemberEvent, MemberId } from '@mqtt-cluster/contracts';
import { adminAnswerTopic } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createNotifier, measureEventLoopDelay } from '@mqtt-cluster/runtime';
import type { HttpResponse, HttpRequest, CheckResult } from '@mqtt-cluster/runtime';
import { Administrator } from '../admin/administrator.ts';
import { Authorization } from '../admin/authorization.ts';
import { adminRoutes } from '../admin/routes.ts';
import { ClusterView } from './cluster-view.ts';
import type { ApplianceConfig } from '../config.ts';
import { countedNotifier } from '../observability/counted-notifier.ts';
import { LoadMeter } from '../health/load-meter.ts';
import type { Admission } from '../health/load-meter.ts';
import { Loopback } from '../health/self-probe.ts';
import type { MemberRunner } from './member-runner.ts';
import { ServiceManager } from '../health/service-manager.ts';

/** A crowd that is sent elsewhere is told the same: looking around costs a look at every connection. */
const elsewhereMsMax = 250;

/** A member without a turn for so long hangs; the rarest are four a second. */
const turnlessMsMax = 10_000;

export interface OperationsOptions {
  readonly config: ApplianceConfig;
  readonly members: readonly MemberId[];
  readonly urls: ReadonlyMap<MemberId, readonly string[]>;
  readonly runner: MemberRunner;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the admin interface; null for none. */
  readonly token: string | null;
  /** Where this member's own MQTT listener is reached from here. */
  readonly mqttAddress: () => { readonly host: string; readonly port: number };
  /** To the peer in the middle: a majority is not slower; 0 while none has answered. */
  readonly roundTripMs: () => number;
  /** Drains and ends the process. */
  readonly stop: () => void;
}

/** What operators, load balancers and service managers see and ask of one member. */
export class Operations implements Lifecycle {
  readonly authorization: Authorization;
  readonly administrator: Administrator;
  readonly routes: (request: HttpRequest) => Promise<HttpResponse> | null;
  readonly #options: OperationsOptions;
  readonly #view: ClusterView;
  readonly #meter = new LoadMeter();
  #elsewhere: { readonly url: string | undefined; readonly untilMs: number } | null = null;
  #serviceManager: ServiceManager | null = null;
  #stopDelays: () => void = () => {};

  constructor(options: OperationsOptions) {
    const { config, runner, members, urls, stop } = options;
    this.#options = options;
    this.#view = new ClusterView({ members, urls });
    this.authorization = new Authorization(options.token, config.admin.trustLoopback);
    this.administrator = new Administrator({ runner, drainPerSecond: config.drainPerSecond, stop });
    this.routes = adminRoutes({
      administrator: this.administrator,
      authorization: this.authorization,
      name: config.name,
      knows: (member) =>
        members.includes(member) || runner.status().config?.members.some(({ id }) => id === member) === true,
      snapshot: () => runner.look((member) => member.snapshot()),
    });
  }

  /** When everything else has started: the service manager hears of it. */
  async start(): Promise<void> {
    const { logger, metrics, runner, config, mqttAddress } = this.#options;
    this.#stopDelays = measureEventLoopDelay((delayMs) => this.#measure(delayMs));
    const now = (): number => performance.now();
    const loopback = new Loopback({ memberId: config.id, ...mqttAddress(), now });
    const status = () => runner.status();
    const notifier = countedNotifier(createNotifier({ logger }), metrics);
    this.#serviceManager = new ServiceManager({ notifier, logger, status, now, loopback });
    this.#serviceManager.start();
  }

  /** After everything else has stopped: until then the watchdog is fed. */
  async stop(): Promise<void> {
    this.#stopDelays();
    this.#serviceManager?.stop();
  }

  onEvents(events: readonly MemberEvent[]): void {
    this.administrator.onEvents(events);
  }

  /** What an administrator published on an admin topic; the outcome is told on a topic of this member. */
  async onTopicCommand(command: string, payload: Uint8Array): Promise<void> {
    const { config, runner, logger } = this.#options;
    const { code, body } = await this.administrator.execute(command, parametersOf(payload));
    logger.info({ command, code }, 'a command came by an admin topic');
    const answer = Buffer.from(JSON.stringify({ command, code, ...body }));
    runner.publishLocal({ topic: adminAnswerTopic(config.id), payload: answer, qos: 0, retain: false });
  }

  // ---- what others hear ----

  /** The process works; restart it if not. */
  health(): CheckResult {
    const turnlessMs = performance.now() - this.#options.runner.lastTurnMs;
    if (turnlessMs <= turnlessMsMax) return { ok: true };
    return { ok: false, reason: `no turn of the member for ${Math.round(turnlessMs)} ms` };
  }

  /** Send clients here. Isolated is a state that is served and shown, not a reason to be taken out (design, section 6). */
  ready(): CheckResult {
    const { state, reason } = this.#options.runner.status();
    const ok = state === 'serving' || state === 'isolated';
    return reason === '' ? { ok } : { ok, reason };
  }

  advertisements(): MemberAdvertisement[] {
    return this.#view.advertisements(this.#options.runner.status(), this.#meter.load);
  }

  /** Where an MQTT 5 client is better off. */
  elsewhere(): string | undefined {
    const nowMs = performance.now();
    if (this.#elsewhere === null || nowMs >= this.#elsewhere.untilMs) {
      const url = this.#view.elsewhere(this.#options.runner.status(), this.#meter.load);
      this.#elsewhere = { url, untilMs: nowMs + elsewhereMsMax };
    }
    return this.#elsewhere.url;
  }

  admission(): Admission {
    return this.#meter.admission;
  }

  #measure(delayMs: number): void {
    const { runner, config, logger, roundTripMs } = this.#options;
    const { connections, pendingCommands } = runner.status();
    const before = this.#meter.admission;
    this.#meter.sample({
      delayMs,
      clients: connections,
      clientsMax: config.mqtt.clientsMax,
      pendingCommands,
    });
    const { load, admission } = this.#meter;
    const latencyMs = delayMs + roundTripMs();
    runner.operate((member) => {
      member.setLoad(load);
      member.setLatency(latencyMs);
    });
    if (admission !== before) logger.warn({ load, admission, before }, 'whom this member takes has changed');
  }
}

/** What is no JSON is passed on as it is, for the administrator to refuse. */
function parametersOf(payload: Uint8Array): unknown {
  const text = Buffer.from(payload).toString('utf8').trim();
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
