import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@mqtt-cluster/kit';
import type { Arguments } from '../arguments.ts';
import { bundleOf } from '../cluster/bundles.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { anonymousWarning, clientEnvironment } from '../cluster/environment.ts';
import { readStatus } from '../cluster/http.ts';
import { Program } from '../cluster/program.ts';
import type { FaultAction } from '../fault-forms.ts';
import { LiveViewLoad } from '../view/live-view-load.ts';
import { describeClient, renderLine, renderView } from '../view/render.ts';
import type { ViewState } from '../view/render.ts';
import { Screen } from '../view/screen.ts';
import { LabWeb } from '../web/lab-web.ts';
import { portSettings, startLab } from './running-lab.ts';
import type { RunningLab } from './running-lab.ts';
import { removeStaleLab } from './up.ts';

const refreshMs = 500;
/** Interval of the lines that the lab prints when standard output is not a terminal. */
const lineEveryMs = 3_000;
/** Messages a second of each appliance's own publisher, for each QoS. */
const publisherRate = 2;

const keys: Readonly<Record<string, FaultAction>> = {
  k: 'kill',
  s: 'stop',
  p: 'pause',
  u: 'resume',
  c: 'cut',
  l: 'slow',
  w: 'wipe',
  r: 'start',
  m: 'heal',
};

/** `lab start` (npm start): runs the members, the client and a live view until the user presses q or Ctrl-C. */
export async function start(given: Arguments): Promise<void> {
  removeStaleLab(given.folder);
  process.stderr.write(`starting ${given.members} members in ${given.folder}\n`);
  let quit: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (quit = resolve));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => quit());
  const settings = { publisherRate, logLevel: 'info', ...portSettings(given) };
  const runningLab = await startLab(given, settings, () => quit());
  const client = startClient(runningLab, given.folder);
  const warning = anonymousWarning(given);
  if (warning !== '') process.stderr.write(`${warning}\n`);
  const load = new LiveViewLoad(runningLab.cluster.servers, process.pid);
  const web = new LabWeb({ cluster: runningLab.cluster, load });
  await web.open();
  runningLab.recordConsole(web.url);
  process.stderr.write(`web console: ${web.url}\n`);
  const live = new LiveView({ cluster: runningLab.cluster, load, url: web.url, warning, quit });
  live.start();
  await ended;
  live.stop();
  web.close();
  await client?.stop();
  await runningLab.end(given.keep);
  process.exit(0);
}

/** Starts the client application. Returns null when its bundle is missing. */
function startClient({ cluster, recordOthers }: RunningLab, folder: string): Program | null {
  const bundle = bundleOf('client', false);
  if (!existsSync(bundle)) return null;
  const client = new Program({
    name: 'client',
    bundle,
    environment: clientEnvironment(cluster.layout, 'info', cluster.security),
    logFile: join(folder, 'client', 'log.jsonl'),
    onEnded: () => recordOthers([]),
  });
  client.start();
  if (client.pid !== null) recordOthers([client.pid]);
  return client;
}

interface LiveViewOptions {
  readonly cluster: Cluster;
  readonly load: LiveViewLoad;
  /** Address of the web console. */
  readonly url: string;
  readonly warning: string;
  readonly quit: () => void;
}

/**
 * Shows the state of the lab: refreshes the screen, or prints a line every 3 s without a terminal. Each fault key
 * injects a fault.
 */
class LiveView {
  readonly #cluster: Cluster;
  readonly #load: LiveViewLoad;
  readonly #screen: Screen | null;
  readonly #url: string;
  readonly #warning: string;
  readonly #startedAtMs = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #chosen: number | null = null;
  #notice = '';
  #help = false;
  #refreshing = false;

  constructor({ cluster, load, url, warning, quit }: LiveViewOptions) {
    this.#cluster = cluster;
    this.#url = url;
    this.#warning = warning;
    this.#load = load;
    this.#screen = process.stdout.isTTY ? new Screen((key) => this.#press(key, quit)) : null;
  }

  start(): void {
    this.#load.start();
    this.#screen?.open();
    this.#timer = setInterval(() => void this.#refresh(), this.#screen === null ? lineEveryMs : refreshMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#load.stop();
    this.#screen?.close();
  }

  #press(key: string, quit: () => void): void {
    if (key === 'q' || key === '\u0003') return quit();
    if (key === 'h' || key === '?') this.#help = !this.#help;
    const number = Number(key);
    if (number >= 1 && number <= this.#cluster.layout.members.length) this.#chosen = number;
    const action = keys[key];
    if (action !== undefined) void this.#act(action);
    void this.#refresh();
  }

  async #act(action: FaultAction): Promise<void> {
    if (this.#chosen === null && action !== 'heal') {
      this.#notice = 'press 1 to 7 first, to choose a member';
      return;
    }
    const member = `m${this.#chosen}`;
    const what = action === 'heal' ? 'heal' : `${action} ${member}`;
    this.#notice = `${what} ...`;
    if (action === 'kill' || action === 'wipe') this.#load.watchGap([member]);
    try {
      await this.#cluster.fault(action, action === 'heal' ? [] : [[member]]);
      this.#notice = `${what}: done`;
    } catch (error) {
      this.#notice = `${what}: ${describeError(error)}`;
    }
  }

  async #refresh(): Promise<void> {
    // A paused member does not respond, so a refresh is skipped while the requests of the previous refresh wait.
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const { host, httpPort } = this.#cluster.layout.client;
      const [members, client] = await Promise.all([this.#cluster.report(), readStatus(host, httpPort)]);
      const nowMs = performance.now();
      const state: ViewState = {
        members,
        chosen: this.#chosen,
        upMs: nowMs - this.#startedAtMs,
        traffic: this.#load.tally.view(nowMs),
        client: describeClient(client),
        notice: this.#cluster.crashes.at(-1) ?? this.#notice,
        warning: this.#warning,
        url: this.#url,
        help: this.#help,
      };
      if (this.#screen === null) process.stdout.write(`${renderLine(state)}\n`);
      else this.#screen.draw(renderView(state, this.#screen.columns));
    } finally {
      this.#refreshing = false;
    }
  }
}
