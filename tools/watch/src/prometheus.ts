import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { findProgram, readRuleFiles } from '@mqtt-cluster/monitoring';
import { prometheusConfig } from './scrape-config.ts';
import type { PrometheusConfigOptions } from './scrape-config.ts';
import { shortenDurations } from './lab-rules.ts';
import { PrometheusApi } from './prometheus-api.ts';

const readyMsMax = 60_000;
const readyPollMs = 100;
const stopMsMax = 10_000;
/** The first port to try. If it is in use, the next ports are tried. */
const portDefault = 9_090;
const portsTriedMax = 50;

export interface PrometheusOptions {
  /** Folder for the configuration, rules and samples. */
  readonly folder: string;
  /** Absolute path of the monitoring folder. Prometheus reads its rules and serves its runbooks. */
  readonly monitoring: string;
  readonly targets: Pick<PrometheusConfigOptions, 'brokers' | 'clients'>;
  readonly host?: string;
}

/** Runs an installed Prometheus for a lab. It scrapes every second and uses rules with shorter durations. */
export class Prometheus {
  readonly #options: PrometheusOptions;
  #child: ChildProcess | null = null;
  #exit: Promise<void> = Promise.resolve();
  #api: PrometheusApi | null = null;

  constructor(options: PrometheusOptions) {
    this.#options = options;
  }

  /** Id of the process while it runs; otherwise null. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** @throws Error before `start`. */
  get api(): PrometheusApi {
    if (this.#api === null) throw new Error('Prometheus has not been started');
    return this.#api;
  }

  /** @throws NotInstalledError; Error when Prometheus does not become ready. */
  async start(): Promise<void> {
    const program = findProgram('prometheus');
    const { folder, monitoring, host = '127.0.0.1' } = this.#options;
    mkdirSync(join(folder, 'rules'), { recursive: true });
    const files = readRuleFiles(monitoring).map((rules) => {
      const path = join(folder, 'rules', rules.file.replace('/', '-'));
      writeFileSync(path, shortenDurations(rules));
      return path;
    });
    const configuration = { ...this.#options.targets, ruleFiles: files, scrapeIntervalSeconds: 1 };
    writeFileSync(join(folder, 'prometheus.yml'), prometheusConfig(configuration));
    const port = await freePort(host);
    const url = `http://${host}:${port}`;
    const log = openSync(join(folder, 'prometheus.log'), 'a');
    const child = spawn(
      program,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${host}:${port}`,
        `--web.external-url=${url}`,
        `--web.user-assets=${monitoring}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', log, log] },
    );
    this.#child = child;
    this.#exit = new Promise((resolve) => child.once('exit', () => resolve()));
    this.#api = new PrometheusApi(url);
    await this.#ready(folder);
  }

  async #ready(folder: string): Promise<void> {
    const deadline = performance.now() + readyMsMax;
    while (!(await this.api.isReady())) {
      const gone = this.#child?.exitCode !== null;
      if (gone || performance.now() > deadline) {
        await this.stop();
        throw new Error(
          `Prometheus ${gone ? 'exited' : 'is not ready'}; see its log: ${join(folder, 'prometheus.log')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, readyPollMs));
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    await this.#exit;
    clearTimeout(timer);
    this.#child = null;
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
