import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, brokerHosts, clientHost, namespaceOf } from '../bed/layout.ts';
import type { BedLayout } from '../bed/layout.ts';
import { getJson } from '../http.ts';
import { until } from '../poll.ts';
import { assertNone, busiestOf, countersOf } from './client-counters.ts';
import type { ClientStatus } from './client-counters.ts';
import { endOf } from './process.ts';
import { Publishers } from './publishers.ts';
import { ClientTally, complaints } from './tally.ts';
import type { Allowance, Mark } from './tally.ts';

const deployedPort = 9110;
const firstPort = 9120;
const mqttPort = 1883;
const settleMsMax = 60_000;
/** A client that is restarted meanwhile must be seen before and after. */
const lookIntervalMs = 2_000;
/** Afterwards nobody comes back for the session. */
const sessionSecondsMax = 600;

export interface ClientsOptions {
  readonly layout: BedLayout;
  /** Folder of the bundles. */
  readonly bundles: string;
  /** For the clients' logs. */
  readonly directory: string;
  /** Subscribers beside the one that ansible deploys. */
  readonly subscribers: number;
  readonly publishers: number;
  readonly hosts?: readonly number[];
}

interface Subscriber {
  readonly name: string;
  readonly url: string;
}

/**
 * The load, on the client host: subscribers that notice every hole (the deployed one, and some that are started here), and
 * publishers that outlive every broker.
 */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #children: ChildProcess[] = [];
  readonly #subscribers: Subscriber[] = [];
  readonly #publishers: Publishers;
  readonly #tallies = new Map<string, ClientTally>();
  #looks: Promise<unknown> = Promise.resolve();
  #looking: NodeJS.Timeout | null = null;

  constructor(options: ClientsOptions) {
    this.#options = options;
    const { layout, bundles, directory, publishers, hosts = brokerHosts } = options;
    const script = join(bundles, 'rehearse.mjs');
    this.#publishers = new Publishers({
      layout,
      script,
      directory,
      count: publishers,
      servers: serversOf(hosts),
    });
  }

  /** Returns when all are connected and have received something. */
  async start(): Promise<void> {
    this.#publishers.start();
    this.#subscribers.push({ name: 'the deployed client', url: statusUrl(deployedPort) });
    for (let index = 0; index < this.#options.subscribers; index++) this.#startOne(index);
    await this.flowing();
    await until('the publishers being acknowledged', settleMsMax, async () =>
      this.#publishers.statuses().every(({ messages }) => messages > 0) ? true : undefined,
    );
    this.#looking = setInterval(() => void this.#look().catch(() => {}), lookIntervalMs);
  }

  #startOne(index: number): void {
    const { layout, bundles, directory, hosts = brokerHosts } = this.#options;
    const port = firstPort + index;
    const log = openSync(join(directory, `client-${index}.log`), 'a');
    const program = [process.execPath, join(bundles, 'client.mjs')];
    const child = spawn('ip', ['netns', 'exec', namespaceOf(layout, clientHost), ...program], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        // Not that of an earlier rehearsal: its session would be full of what was missed since, less what its bound dropped.
        MQTT_CLIENT_ID: `rehearsal-${process.pid}-${index}`,
        MQTT_CLIENT_SESSION_EXPIRY_SECONDS: String(sessionSecondsMax),
        MQTT_CLIENT_SERVERS: serversOf(hosts).join(','),
        MQTT_CLIENT_HTTP_HOST: addressOf(clientHost),
        MQTT_CLIENT_HTTP_PORT: String(port),
      },
    });
    closeSync(log);
    this.#children.push(child);
    this.#subscribers.push({ name: `subscriber ${index}`, url: statusUrl(port) });
  }

  /** Until each is connected and receives. */
  async flowing(): Promise<void> {
    for (const { name, url } of this.#subscribers) {
      let first: number | undefined;
      await until(`${name} receiving`, settleMsMax, async () => {
        const status = await this.#status(url);
        const { messages } = countersOf(status);
        first ??= messages;
        return status.client.connected && messages > first ? true : undefined;
      });
    }
  }

  #status(url: string): Promise<ClientStatus> {
    return getJson(this.#options.layout, url);
  }

  /** One after the other: an answer that is overtaken would look like a restart. */
  #look(): Promise<string[]> {
    const look = this.#looks.then(() => this.#lookNow());
    this.#looks = look.catch(() => {});
    return look;
  }

  /** The host that most subscribers would miss. */
  async busiest(): Promise<number> {
    const statuses = await Promise.all(this.#subscribers.map(({ url }) => this.#status(url)));
    return busiestOf(this.#options.hosts ?? brokerHosts, addressOf, statuses);
  }

  /** Never mind one that can't be asked: it may be restarting. @returns what the subscribers say of holes and the like */
  async #lookNow(): Promise<string[]> {
    const said = await Promise.allSettled(this.#subscribers.map(({ url }) => this.#status(url)));
    const violations = said.flatMap((result, index) => {
      const { name } = this.#subscribers[index]!;
      if (result.status === 'rejected') return [`${name} does not answer`];
      this.#tally(name).observe(countersOf(result.value), performance.now());
      return result.value.violations.map((violation) => `${name}: ${violation}`);
    });
    const { names } = this.#publishers;
    const refusals = this.#publishers.statuses().flatMap((status, index) => {
      const name = names[index]!;
      this.#tally(name).observe(status, performance.now());
      return status.refused > 0 ? [`${name}: ${status.refused} messages were refused`] : [];
    });
    return [...violations, ...refusals];
  }

  #tally(name: string): ClientTally {
    const known = this.#tallies.get(name) ?? new ClientTally();
    this.#tallies.set(name, known);
    return known;
  }

  /** Where all stand, to be judged against later. */
  async marks(): Promise<ReadonlyMap<string, Mark>> {
    await this.#look();
    for (const tally of this.#tallies.values()) tally.restartClock(performance.now());
    return this.#marked();
  }

  #marked(): ReadonlyMap<string, Mark> {
    const now = performance.now();
    return new Map([...this.#tallies].map(([name, tally]) => [name, tally.mark(now)]));
  }

  /**
   * Waits until what is on its way has come, and judges.
   *
   * @returns in words what each got and how often it connected again since `before`
   * @throws RehearsalError with what was lost, came twice, or how often somebody had to connect
   */
  async judge(before: ReadonlyMap<string, Mark>, allowance: Allowance): Promise<string[]> {
    await this.flowing();
    let found: string[] = [];
    let now = this.#marked();
    // A hole that is filled within the bound was none: the message came late, as QoS 1 may.
    await until('clients without a complaint', settleMsMax, async () => {
      const violations = await this.#look();
      now = this.#marked();
      const costs = [...now].flatMap(([name, mark]) => complaints(name, before.get(name)!, mark, allowance));
      found = [...violations, ...costs];
      return found.length === 0 ? true : undefined;
    }).catch(() => {});
    assertNone(found);
    return [...now].map(([name, mark]) => describeChange(name, before.get(name)!, mark));
  }

  /** One line for people. */
  async describe(): Promise<string> {
    const statuses = await Promise.all(this.#subscribers.map(({ url }) => this.#status(url)));
    const received = statuses.reduce((sum, status) => sum + countersOf(status).messages, 0);
    const sum = (count: (status: ClientStatus) => number): number =>
      statuses.reduce((total, status) => total + count(status), 0);
    const missing = sum(({ byQos }) => (byQos[1]?.missing ?? 0) + (byQos[2]?.missing ?? 0));
    const twice = sum(({ byQos }) => byQos[2]?.duplicates ?? 0);
    return `${statuses.length} subscribers received ${received}, lost ${missing} of QoS 1 and 2, got ${twice} of QoS 2 twice`;
  }

  async stop(): Promise<void> {
    if (this.#looking) clearInterval(this.#looking);
    await this.#publishers.stop();
    await Promise.all(this.#children.splice(0).map(endOf));
    this.#subscribers.length = 0;
  }
}

function describeChange(name: string, before: Mark, now: Mark): string {
  const messages = now.messages - before.messages;
  const restarts = now.restarts - before.restarts;
  const left = Object.entries(now.left)
    .map(([server, count]) => [server, count - (before.left[server] ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([server, count]) => (count === 1 ? server : `${server} ${count} times`));
  return [
    `${name}: ${messages} messages, never ${Math.ceil(now.silenceMsMax / 1_000)} s without`,
    `${now.reconnects - before.reconnects} reconnects${left.length > 0 ? ` (left ${left.join(', ')})` : ''}`,
    ...(restarts > 0 ? [`restarted ${restarts} times`] : []),
  ].join(', ');
}

function serversOf(hosts: readonly number[]): string[] {
  return hosts.map((host) => `${addressOf(host)}=mqtt://${addressOf(host)}:${mqttPort}`);
}

function statusUrl(port: number): string {
  return `http://${addressOf(clientHost)}:${port}/status`;
}
