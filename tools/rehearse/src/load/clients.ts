import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, brokerHosts, clientHost, namespaceOf } from '../bed/layout.ts';
import type { BedLayout } from '../bed/layout.ts';
import { getJson } from '../http.ts';
import { until } from '../poll.ts';
import { assertNone, complaints, markOf } from './client-counters.ts';
import type { ClientStatus, Mark } from './client-counters.ts';

const deployedPort = 9110;
const firstPort = 9120;
const mqttPort = 1883;
const settleMsMax = 60_000;
const stopMsMax = 5_000;
/** Afterwards nobody comes back for the session. */
const sessionSecondsMax = 600;

export interface ClientsOptions {
  readonly layout: BedLayout;
  /** The client's bundle. */
  readonly script: string;
  /** For the clients' logs. */
  readonly directory: string;
  /** Beside the one that ansible deploys. */
  readonly count: number;
  readonly hosts?: readonly number[];
}

interface Client {
  readonly name: string;
  readonly url: string;
}

/** Subscribers on the client host that notice every hole: the deployed one, and some that are started here. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #children: ChildProcess[] = [];
  readonly #clients: Client[] = [];

  constructor(options: ClientsOptions) {
    this.#options = options;
  }

  /** Returns when all are connected and have received something. */
  async start(): Promise<void> {
    this.#clients.push({ name: 'the deployed client', url: statusUrl(deployedPort) });
    for (let index = 0; index < this.#options.count; index++) this.#startOne(index);
    await this.flowing();
  }

  #startOne(index: number): void {
    const { layout, script, directory, hosts = brokerHosts } = this.#options;
    const port = firstPort + index;
    const servers = hosts.map((host) => `${addressOf(host)}=mqtt://${addressOf(host)}:${mqttPort}`);
    const log = openSync(join(directory, `client-${index}.log`), 'a');
    const child = spawn('ip', ['netns', 'exec', namespaceOf(layout, clientHost), process.execPath, script], {
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        // Not that of an earlier rehearsal: its session would be full of what was missed since, less what its bound dropped.
        MQTT_CLIENT_ID: `rehearsal-${process.pid}-${index}`,
        MQTT_CLIENT_SESSION_EXPIRY_SECONDS: String(sessionSecondsMax),
        MQTT_CLIENT_SERVERS: servers.join(','),
        MQTT_CLIENT_HTTP_HOST: addressOf(clientHost),
        MQTT_CLIENT_HTTP_PORT: String(port),
      },
    });
    closeSync(log);
    this.#children.push(child);
    this.#clients.push({ name: `client ${index}`, url: statusUrl(port) });
  }

  /** Until each is connected and receives. */
  async flowing(): Promise<void> {
    for (const { name, url } of this.#clients) {
      let first: number | undefined;
      await until(`${name} receiving`, settleMsMax, async () => {
        const status = await this.#status(url);
        const { received } = markOf(status);
        first ??= received;
        return status.client.connected && received > first ? true : undefined;
      });
    }
  }

  #status(url: string): Promise<ClientStatus> {
    return getJson(this.#options.layout, url);
  }

  async marks(): Promise<Mark[]> {
    return Promise.all(this.#clients.map(async ({ url }) => markOf(await this.#status(url))));
  }

  /**
   * Waits until what is on its way has come, and judges.
   *
   * @throws RehearsalError with what was lost, came twice, or how often somebody had to connect
   */
  async judge(before: readonly Mark[], reconnectsMax: number): Promise<void> {
    await this.flowing();
    const settled = async (): Promise<string[]> => {
      const statuses = await Promise.all(this.#clients.map(({ url }) => this.#status(url)));
      return statuses.flatMap((status, index) =>
        complaints(this.#clients[index]!.name, before[index]!, status, reconnectsMax),
      );
    };
    let found = await settled();
    // A hole that is filled within the bound was none: the message came late, as QoS 1 may.
    await until('clients without a complaint', settleMsMax, async () => {
      found = await settled();
      return found.length === 0 ? true : undefined;
    }).catch(() => {});
    assertNone(found);
  }

  /** One line for people. */
  async describe(): Promise<string> {
    const statuses = await Promise.all(this.#clients.map(({ url }) => this.#status(url)));
    const received = statuses.reduce((sum, status) => sum + markOf(status).received, 0);
    const missing = statuses.reduce(
      (sum, { byQos }) => sum + (byQos[1]?.missing ?? 0) + (byQos[2]?.missing ?? 0),
      0,
    );
    const twice = statuses.reduce((sum, { byQos }) => sum + (byQos[2]?.duplicates ?? 0), 0);
    return `${statuses.length} clients received ${received}, lost ${missing} of QoS 1 and 2, got ${twice} of QoS 2 twice`;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.splice(0).map(endOf));
    this.#clients.length = 0;
  }
}

function statusUrl(port: number): string {
  return `http://${addressOf(clientHost)}:${port}/status`;
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await ended;
  clearTimeout(timer);
}
