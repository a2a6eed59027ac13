import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ChildProgram, killOnExit, poll } from '@mqtt-cluster/kit';
import { findProgram, readRuleFiles } from '@mqtt-cluster/monitoring';
import { prometheusConfig } from './scrape-config.ts';
import type { PrometheusConfigOptions } from './scrape-config.ts';
import { shortenDurations } from './lab-rules.ts';
import { PrometheusApi } from './prometheus-api.ts';

const readyMsMax = 60_000;
const readyPollMs = 100;
/** The first port that Prometheus tries. If the port is in use, the next ports are tried. */
const portDefault = 9_090;
const portsTriedMax = 50;

export interface PrometheusOptions {
  /** Folder for the configuration, rules and samples. */
  readonly folder: string;
  /** Absolute path of the monitoring folder, which contains the rules and the runbooks. Prometheus serves the runbooks. */
  readonly monitoring: string;
  readonly targets: Pick<PrometheusConfigOptions, 'brokers' | 'clients'>;
  readonly host?: string;
}

/** Runs an installed Prometheus for a lab. Prometheus scrapes every second and uses rules with shorter durations. */
export class Prometheus {
  readonly #options: PrometheusOptions;
  #program: ChildProgram | null = null;
  #api: PrometheusApi | null = null;

  constructor(options: PrometheusOptions) {
    this.#options = options;
  }

  /** Process id of Prometheus while it runs; otherwise null. */
  get pid(): number | null {
    return this.#program?.pid ?? null;
  }

  /** @throws Error when `start` has not been called. */
  get api(): PrometheusApi {
    if (this.#api === null) throw new Error('Prometheus has not been started');
    return this.#api;
  }

  /** Starts Prometheus and waits until it is ready. @throws NotInstalledError; Error when Prometheus does not become ready. */
  async start(): Promise<void> {
    const command = findProgram('prometheus');
    const { folder, monitoring, host = '127.0.0.1' } = this.#options;
    mkdirSync(join(folder, 'rules'), { recursive: true });
    const files = readRuleFiles(monitoring).map((rules) => {
      const path = join(folder, 'rules', rules.file.replace('/', '-'));
      writeFileSync(path, shortenDurations(rules));
      return path;
    });
    const ownAddress = `${host}:${await freePort(host)}`;
    const url = `http://${ownAddress}`;
    const configuration = {
      ...this.#options.targets,
      ruleFiles: files,
      scrapeIntervalSeconds: 1,
      ownAddress,
    };
    writeFileSync(join(folder, 'prometheus.yml'), prometheusConfig(configuration));
    const program = new ChildProgram({
      command,
      args: [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${ownAddress}`,
        `--web.external-url=${url}`,
        `--web.user-assets=${monitoring}`,
        '--log.level=warn',
      ],
      logFile: join(folder, 'prometheus.log'),
    });
    killOnExit(() => [program]);
    this.#program = program;
    this.#api = new PrometheusApi(url);
    await this.#waitUntilReady(program);
  }

  async #waitUntilReady(program: ChildProgram): Promise<void> {
    const isReady = await poll(
      async () => (program.hasEnded ? false : (await this.api.isReady()) || undefined),
      { timeoutMs: readyMsMax, intervalMs: readyPollMs },
    );
    if (isReady) return;
    const problem = program.hasEnded ? 'exited' : 'is not ready';
    await this.stop();
    throw new Error(`Prometheus ${problem}; see its log: ${program.logFile}`);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
    this.#program = null;
  }
}

async function freePort(host: string): Promise<number> {
  for (let port = portDefault; port < portDefault + portsTriedMax; port++) {
    const free = await new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error(`no free port on ${host} from ${portDefault} on for Prometheus`);
}
