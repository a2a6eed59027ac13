import { join } from 'node:path';
import { ChildProgram, killOnExit } from '@mqtt-cluster/kit';
import { startCluster } from '@mqtt-cluster/lab';
import type { Cluster, RunningCluster } from '@mqtt-cluster/lab';
import { findProgram } from '@mqtt-cluster/monitoring';
import { z } from 'zod';
import { Prometheus } from './prometheus.ts';
import type { PrometheusApi } from './prometheus-api.ts';

const statusMsMax = 10_000;
const clientId = 'lab-client';

export interface MonitoredLabOptions {
  /** Folder for all data and logs. */
  readonly folder: string;
  readonly members: number;
  /** Absolute path of the monitoring folder. */
  readonly monitoring: string;
  /** Folder of the bundles. */
  readonly dist: string;
  /** Messages per second of each publisher, for each QoS; 0 starts no publisher and no application. */
  readonly publisherRate: number;
  /** The first port range to try, see `startCluster`. */
  readonly firstPortShift?: number;
}

/** The fields of the client application's /status that a check uses. */
const applicationStatus = z.object({
  byQos: z.array(z.object({ received: z.int() })),
  failovers: z.array(z.object({ gapMs: z.number() })),
  client: z.object({ server: z.string().nullable() }),
});

/** The values of the subscribing application's /status that the checks use. */
export interface ApplicationStatus {
  /** Number of received messages. */
  readonly received: number;
  /** Duration of the last failover gap in milliseconds; null before the first failover. */
  readonly lastGapMs: number | null;
  /** Id of the member to which the application is connected; null without a connection. */
  readonly server: string | null;
}

/** A cluster on this machine with publishers, an application, and a Prometheus that scrapes all of them. */
export class MonitoredLab {
  readonly #options: MonitoredLabOptions;
  #running: RunningCluster | null = null;
  #prometheus: Prometheus | null = null;
  #client: ChildProgram | null = null;

  constructor(options: MonitoredLabOptions) {
    this.#options = options;
  }

  /** @throws Error when `start` has not been called. */
  get cluster(): Cluster {
    if (this.#running === null) throw new Error('the lab has not been started');
    return this.#running.cluster;
  }

  /** @throws Error when `start` has not been called. */
  get api(): PrometheusApi {
    if (this.#prometheus === null) throw new Error('the lab has not been started');
    return this.#prometheus.api;
  }

  get clientAddress(): string {
    const { host, httpPort } = this.cluster.layout.client;
    return `${host}:${httpPort}`;
  }

  /**
   * Starts the lab. Waits until all members serve and Prometheus answers. On an error it stops all processes that it
   * started.
   */
  async start(): Promise<void> {
    // A missing Prometheus is reported before the cluster starts.
    findProgram('prometheus');
    const { folder, members, monitoring, publisherRate } = this.#options;
    try {
      this.#running = await startCluster({
        folder: join(folder, 'cluster'),
        members,
        firstPortShift: this.#options.firstPortShift ?? 0,
        overrides: [
          ['publisher.rate', String(publisherRate)],
          ['publisher.group', 'plant'],
        ],
      });
      if (publisherRate > 0) this.#startClient();
      this.#prometheus = new Prometheus({
        folder: join(folder, 'prometheus'),
        monitoring,
        targets: {
          brokers: this.cluster.layout.members.map(({ id, host, httpPort }) => ({
            address: `${host}:${httpPort}`,
            site: 'lab',
            member: id,
          })),
          clients: publisherRate > 0 ? [{ address: this.clientAddress, site: 'lab', client: clientId }] : [],
        },
      });
      await this.#prometheus.start();
    } catch (error) {
      await this.stop(true);
      throw error;
    }
  }

  #startClient(): void {
    const { folder, dist } = this.#options;
    const { members, client } = this.cluster.layout;
    const servers = members.map(({ id, host, mqttPort }) => `${id}=mqtt://${host}:${mqttPort}`);
    const program = new ChildProgram({
      command: process.execPath,
      args: [join(dist, 'client.mjs')],
      logFile: join(folder, 'client', 'log.jsonl'),
      environment: {
        ...process.env,
        NODE_OPTIONS: '',
        MQTT_CLIENT_SERVERS: servers.join(','),
        MQTT_CLIENT_ID: clientId,
        MQTT_CLIENT_HTTP_HOST: client.host,
        MQTT_CLIENT_HTTP_PORT: String(client.httpPort),
      },
    });
    killOnExit(() => [program]);
    this.#client = program;
  }

  /** Stops all processes. @param keep whether data and logs are kept. */
  async stop(keep: boolean): Promise<void> {
    await this.#prometheus?.stop();
    await this.#client?.stop();
    await this.#running?.end(keep);
  }

  /** Reads the status of the application. @throws Error when the application does not answer. */
  async application(): Promise<ApplicationStatus> {
    const answer = await fetch(`http://${this.clientAddress}/status`, {
      signal: AbortSignal.timeout(statusMsMax),
    });
    const status = applicationStatus.parse(await answer.json());
    return {
      received: status.byQos.reduce((sum, { received }) => sum + received, 0),
      lastGapMs: status.failovers.at(-1)?.gapMs ?? null,
      server: status.client.server,
    };
  }
}
