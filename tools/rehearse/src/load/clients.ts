import { join } from 'node:path';
import { addressOf, brokerHosts, clientHost, namespaceOf } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { getJson } from '../http.ts';
import { ChildProgram, waitFor } from '@mqtt-cluster/kit';
import { assertNoViolations, busiestOf, clientStatusSchema, countersOf } from './client-counters.ts';
import type { ClientStatus } from './client-counters.ts';
import { Publishers } from './publishers.ts';
import { ClientTally, violationsOf } from './tally.ts';
import type { Allowance, TallySnapshot } from './tally.ts';

const deployedPort = 9110;
const firstPort = 9120;
const mqttPort = 1883;
const settleMsMax = 60_000;
const stopMsMax = 5_000;
/** Interval of the status requests, ms. It is short, so that each client answers a request between two of its restarts. */
const pollIntervalMs = 2_000;
/** Expiry of the load's sessions, in seconds. No client resumes them after the rehearsal. */
const sessionSecondsMax = 600;

export interface ClientsOptions {
  readonly layout: TestBedLayout;
  /** Folder of the program bundles. */
  readonly bundles: string;
  /** Folder of the clients' logs. */
  readonly directory: string;
  /** Number of subscribers, in addition to the subscriber that ansible deploys. */
  readonly subscribers: number;
  /** Number of publishers. */
  readonly publishers: number;
  /** Hosts of the brokers; all seven by default. */
  readonly hosts?: readonly number[];
}

interface Subscriber {
  readonly name: string;
  readonly url: string;
}

/**
 * The load on the client host: subscribers that detect missing messages, and publishers that continue when a
 * broker fails. Ansible deploys one of the subscribers; this class starts all other clients.
 */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #programs: ChildProgram[] = [];
  readonly #subscribers: Subscriber[] = [];
  readonly #publishers: Publishers;
  readonly #tallies = new Map<string, ClientTally>();
  #polls: Promise<unknown> = Promise.resolve();
  #pollTimer: NodeJS.Timeout | null = null;
  /** Number of starts. It is part of the client ids, so that no client resumes the session of an earlier start. */
  #starts = 0;

  constructor(options: ClientsOptions) {
    this.#options = options;
    const { layout, bundles, directory, publishers, hosts = brokerHosts } = options;
    const script = join(bundles, 'rehearse.mjs');
    this.#publishers = new Publishers({
      layout,
      script,
      directory,
      name: 'load',
      count: publishers,
      servers: serversOf(hosts),
    });
  }

  get isRunning(): boolean {
    return this.#subscribers.length > 0;
  }

  /**
   * Starts all clients. Waits until every subscriber receives messages and every publisher receives
   * acknowledgements.
   */
  async start(): Promise<void> {
    this.#starts++;
    this.#publishers.start(this.#starts);
    this.#subscribers.push({ name: 'the deployed client', url: statusUrl(deployedPort) });
    for (let index = 0; index < this.#options.subscribers; index++) this.#startOne(index);
    await this.waitUntilReceiving();
    await waitFor(
      'an acknowledgement for each publisher',
      async () => (this.#publishers.statuses().every(({ messages }) => messages > 0) ? true : undefined),
      { timeoutMs: settleMsMax },
    );
    this.#pollTimer = setInterval(() => void this.#poll().catch(() => {}), pollIntervalMs);
  }

  #startOne(index: number): void {
    const { layout, bundles, directory, hosts = brokerHosts } = this.#options;
    const port = firstPort + index;
    const program = [process.execPath, join(bundles, 'client.mjs')];
    this.#programs.push(
      new ChildProgram({
        command: 'ip',
        args: ['netns', 'exec', namespaceOf(layout, clientHost), ...program],
        logFile: join(directory, `client-${index}.log`),
        environment: {
          ...process.env,
          // The client id is unique. Otherwise the client would resume the session of an earlier rehearsal, whose
          // full queue has dropped messages.
          MQTT_CLIENT_ID: `rehearsal-${process.pid}-${this.#starts}-${index}`,
          MQTT_CLIENT_SESSION_EXPIRY_SECONDS: String(sessionSecondsMax),
          MQTT_CLIENT_SERVERS: serversOf(hosts).join(','),
          MQTT_CLIENT_HTTP_HOST: addressOf(clientHost),
          MQTT_CLIENT_HTTP_PORT: String(port),
        },
      }),
    );
    this.#subscribers.push({ name: `subscriber ${index}`, url: statusUrl(port) });
  }

  /** Waits until every subscriber is connected and receives messages. */
  async waitUntilReceiving(): Promise<void> {
    for (const { name, url } of this.#subscribers) {
      let first: number | undefined;
      await waitFor(
        `${name} to receive a message`,
        async () => {
          const status = await this.#status(url);
          const { messages } = countersOf(status);
          first ??= messages;
          return status.client.connected && messages > first ? true : undefined;
        },
        { timeoutMs: settleMsMax },
      );
    }
  }

  #status(url: string): Promise<ClientStatus> {
    return getJson(this.#options.layout, url, clientStatusSchema);
  }

  /** Reads the status of all clients. Polls run one at a time, because counters of overlapping polls could go back. */
  #poll(): Promise<string[]> {
    const poll = this.#polls.then(() => this.#pollNow());
    this.#polls = poll.catch(() => {});
    return poll;
  }

  /** Returns the host to which most subscribers are connected. */
  async busiest(): Promise<number> {
    const statuses = await Promise.all(this.#subscribers.map(({ url }) => this.#status(url)));
    return busiestOf(this.#options.hosts ?? brokerHosts, addressOf, statuses);
  }

  /**
   * Reads the status of all clients.
   * @returns the violations that the clients report, and the subscribers that do not answer
   */
  async #pollNow(): Promise<string[]> {
    const statuses = await Promise.allSettled(this.#subscribers.map(({ url }) => this.#status(url)));
    const violations = statuses.flatMap((result, index) => {
      const { name } = this.#subscribers[index]!;
      if (result.status === 'rejected') return [`${name} does not answer`];
      this.#tally(name).observe(countersOf(result.value), performance.now());
      return result.value.violations.map((violation) => `${name}: ${violation}`);
    });
    const { names } = this.#publishers;
    const rejections = this.#publishers.statuses().flatMap((status, index) => {
      const name = names[index]!;
      this.#tally(name).observe(status, performance.now());
      return status.refused > 0 ? [`${name}: ${status.refused} messages were rejected`] : [];
    });
    return [...violations, ...rejections];
  }

  #tally(name: string): ClientTally {
    const known = this.#tallies.get(name) ?? new ClientTally();
    this.#tallies.set(name, known);
    return known;
  }

  /** Returns the counters of all clients, for a later {@link check}. */
  async snapshot(): Promise<ReadonlyMap<string, TallySnapshot>> {
    await this.#poll();
    for (const tally of this.#tallies.values()) tally.restartClock(performance.now());
    return this.#snapshots();
  }

  #snapshots(): ReadonlyMap<string, TallySnapshot> {
    const now = performance.now();
    return new Map([...this.#tallies].map(([name, tally]) => [name, tally.snapshot(now)]));
  }

  /**
   * Waits until all outstanding messages have arrived, and compares the clients' counters with earlier counters.
   * @param before the result of {@link snapshot} at the start of the step
   * @returns one line for each client: its messages and reconnects since `before`
   * @throws RehearsalError with lost messages, duplicates, and reconnects beyond the allowance
   */
  async check(before: ReadonlyMap<string, TallySnapshot>, allowance: Allowance): Promise<string[]> {
    await this.waitUntilReceiving();
    let found: string[] = [];
    let now = this.#snapshots();
    // A missing message that arrives within the time limit was only late, which QoS 1 allows.
    await waitFor(
      'all clients to have no violation',
      async () => {
        const violations = await this.#poll();
        now = this.#snapshots();
        const costs = [...now].flatMap(([name, now]) =>
          violationsOf(name, before.get(name)!, now, allowance),
        );
        found = [...violations, ...costs];
        return found.length === 0 ? true : undefined;
      },
      { timeoutMs: settleMsMax },
    ).catch(() => {});
    assertNoViolations(found);
    return [...now].map(([name, now]) => describeChange(name, before.get(name)!, now));
  }

  /** Returns the numbers of received, missing and duplicate messages of all subscribers in one line. */
  async describe(): Promise<string> {
    const statuses = await Promise.all(this.#subscribers.map(({ url }) => this.#status(url)));
    const received = statuses.reduce((sum, status) => sum + countersOf(status).messages, 0);
    const sum = (count: (status: ClientStatus) => number): number =>
      statuses.reduce((total, status) => total + count(status), 0);
    const missing = sum(({ byQos }) => (byQos[1]?.missing ?? 0) + (byQos[2]?.missing ?? 0));
    const duplicates = sum(({ byQos }) => byQos[2]?.duplicates ?? 0);
    return `${statuses.length} subscribers received ${received} messages; ${missing} messages of QoS 1 and 2 missing, ${duplicates} duplicates of QoS 2`;
  }

  async stop(): Promise<void> {
    if (this.#pollTimer) clearInterval(this.#pollTimer);
    await this.#publishers.stop();
    await Promise.all(this.#programs.splice(0).map((program) => program.stop(stopMsMax)));
    this.#subscribers.length = 0;
    this.#tallies.clear();
  }
}

function describeChange(name: string, before: TallySnapshot, now: TallySnapshot): string {
  const messages = now.messages - before.messages;
  const restarts = now.restarts - before.restarts;
  const left = Object.entries(now.left)
    .map(([server, count]) => [server, count - (before.left[server] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([server, count]) => (count === 1 ? server : `${server} ${count} times`));
  return [
    `${name}: ${messages} messages, longest silence below ${Math.ceil(now.silenceMsMax / 1_000)} s`,
    `${now.reconnects - before.reconnects} reconnects${left.length > 0 ? ` (left ${left.join(', ')})` : ''}`,
    ...(restarts > 0 ? [`restarted ${restarts} times`] : []),
  ].join(', ');
}

export function serversOf(hosts: readonly number[]): string[] {
  return hosts.map((host) => `${addressOf(host)}=mqtt://${addressOf(host)}:${mqttPort}`);
}

function statusUrl(port: number): string {
  return `http://${addressOf(clientHost)}:${port}/status`;
}
