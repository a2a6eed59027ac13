import { LinkProxy } from '@mqtt-cluster/lab';
import { holdsWithin, freePort } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { linkFilter } from '@mqtt-cluster/workload';
import { TortureError } from '../errors.ts';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';
import { LinkNetwork } from './link-network.ts';
import { mosquitto } from './mosquitto.ts';
import { ProcessTarget } from './process-target.ts';
import { TakeoverTimes } from './takeover-times.ts';

const linkName = 'torture';
const proxyHost = '127.0.3.101';
/**
 * Messages in flight of each client of mosquitto. At its start, mosquitto 2.0.11 forgets the state of the QoS 2 exchanges
 * beyond this number, and of all exchanges with the value 0 (no bound). Then it repeats or loses their messages.
 */
const inFlightMax = 1_000;
const requestMsMax = 2_000;
/** Longest time of a change: the removal of a link also ends its session at the other broker. */
const changeAnswerMsMax = 15_000;
const changeMsMax = 30_000;
/** Longest time until the link is connected after all faults have ended: its delays are 12 s at most. */
const connectedMsMax = 60_000;
const pollMs = 200;
/** Interval of the requests for the next runner, and timeout of each, ms. They bound the accuracy of the takeover times. */
const takeoverPollMs = 50;
const takeoverAnswerMsMax = 300;
/** Time for which a takeover is observed, ms. */
const takeoverMsMax = 20_000;

const processKinds: ReadonlySet<FaultKind> = new Set(['kill', 'stop', 'pause']);

/** The report of a member about the link, see `GET /api/v1/links`. */
interface LinkReport {
  readonly name: string;
  readonly state: string;
  readonly member: string | null;
  readonly error: string | null;
  readonly reconnects: number;
  readonly possibleDuplicates: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export interface SiteMember {
  readonly id: string;
  /** URL of the HTTP listener. */
  readonly url: string;
}

/** A mosquitto with persistence beside a cluster, and a link between them through a proxy that injects network faults. */
export class LinkedSite {
  readonly #mosquitto: ProcessTarget;
  readonly #members: readonly SiteMember[];
  #network: LinkNetwork | null = null;
  readonly #takeovers = new TakeoverTimes();

  /** @throws UsageError when mosquitto is not installed */
  constructor(folder: string, members: readonly SiteMember[]) {
    this.#mosquitto = new ProcessTarget(mosquitto({ inFlightMax }), folder, 1);
    this.#members = members;
  }

  get servers(): readonly ServerAddress[] {
    return this.#mosquitto.servers;
  }

  /** Starts mosquitto and the link. @throws TortureError when the link does not connect in time */
  async open(): Promise<void> {
    await this.#mosquitto.start();
    const [server] = this.servers;
    if (server === undefined) throw new TortureError('mosquitto has no address');
    const proxy = new LinkProxy({
      listenHost: proxyHost,
      listenPort: await freePort(proxyHost),
      targetHost: server.host,
      targetPort: server.port,
    });
    this.#network = new LinkNetwork(proxy);
    await this.#network.open();
    const rule = { filter: linkFilter, qosMax: 2 };
    await this.#change('PUT', `/links/${linkName}`, {
      addresses: [`mqtt://${proxyHost}:${proxy.port}`],
      keepAliveSeconds: 2,
      rules: [
        { direction: 'out', ...rule },
        { direction: 'in', ...rule },
      ],
    });
    await this.#untilConnected();
  }

  /** @returns the id of the member that runs the link; null if no member answers or no member runs it */
  async findRunner(): Promise<string | null> {
    return (await this.#report())?.member ?? null;
  }

  /** Measures the time until another member runs the link. It is called when a fault of the runner begins. */
  async observeTakeover(kind: FaultKind, former: string): Promise<void> {
    const startedAtMs = performance.now();
    const urls = this.#members.filter(({ id }) => id !== former).map(({ url }) => url);
    const isTaken = async (): Promise<boolean> => {
      const answers = await Promise.all(
        urls.map((url) => send(url, 'GET', '/links', undefined, takeoverAnswerMsMax)),
      );
      return answers.some((answer) => {
        const runner = linkIn(answer)?.member ?? null;
        return runner !== null && runner !== former;
      });
    };
    const taken = await holdsWithin(isTaken, { timeoutMs: takeoverMsMax, intervalMs: takeoverPollMs });
    this.#takeovers.add(kind, taken ? performance.now() - startedAtMs : null);
  }

  async #report(): Promise<LinkReport | null> {
    for (const { url } of this.#members) {
      const found = linkIn(await send(url, 'GET', '/links'));
      if (found !== undefined && found.state !== 'waiting') return found;
    }
    return null;
  }

  async begin(fault: PlannedFault): Promise<void> {
    if (processKinds.has(fault.kind)) return this.#mosquitto.begin(fault);
    this.#network?.begin(fault.kind);
  }

  async end(fault: PlannedFault): Promise<void> {
    if (!processKinds.has(fault.kind)) return this.#network?.end(fault.kind);
    await this.#mosquitto.end(fault);
    await this.#network?.open();
  }

  /** Ends all faults. @throws TortureError when the link does not connect in time */
  async restore(): Promise<void> {
    this.#network?.heal();
    await this.#mosquitto.restore();
    await this.#network?.open();
    await this.#untilConnected();
  }

  takeCrashes(): string[] {
    return this.#mosquitto.takeCrashes();
  }

  /** @returns the counters of the member that runs the link, in one sentence */
  async describe(): Promise<string> {
    const report = await this.#report();
    if (report === null) return 'no member reports the link';
    const { member, reconnects, possibleDuplicates, dropped } = report;
    const drops = Object.entries(dropped).filter(([, count]) => count > 0);
    return (
      `${this.#takeovers.describe()}; ${member ?? 'no member'} runs the link; since its last start: ${reconnects} reconnects, ` +
      `${possibleDuplicates} possible duplicates of QoS 2, ` +
      (drops.length === 0 ? 'nothing dropped' : `dropped: ${drops.map((drop) => drop.join(' ')).join(', ')}`)
    );
  }

  /** Removes the link, and ends mosquitto. @param removesLink false for a cluster that will be stopped too */
  async close(keep: boolean, removesLink: boolean): Promise<void> {
    try {
      if (removesLink) await this.#change('DELETE', `/links/${linkName}`);
    } finally {
      this.#network?.close();
      await this.#mosquitto.stop(keep);
    }
  }

  /** Sends a change to one member after the other until one accepts it. */
  async #change(method: string, path: string, body?: object): Promise<void> {
    let attempts = 0;
    const attempt = async (): Promise<boolean> =>
      (await send(this.#members[attempts++ % this.#members.length]?.url ?? '', method, path, body)) !== null;
    if (await holdsWithin(attempt, { timeoutMs: changeMsMax, intervalMs: pollMs })) return;
    throw new TortureError(`no member accepted ${method} ${path} within ${changeMsMax / 1_000} s`);
  }

  async #untilConnected(): Promise<void> {
    let last: LinkReport | null = null;
    const isConnected = async (): Promise<boolean> => {
      last = (await this.#report()) ?? last;
      return last?.state === 'connected';
    };
    if (await holdsWithin(isConnected, { timeoutMs: connectedMsMax, intervalMs: pollMs })) return;
    const { state, error } = (last as LinkReport | null) ?? { state: 'unknown', error: null };
    throw new TortureError(
      `the link is ${state} and not connected after ${connectedMsMax / 1_000} s${error === null ? '' : `: ${error}`}`,
    );
  }
}

/** @returns the body of a good answer; null without one */
async function send(
  url: string,
  method: string,
  path: string,
  body?: object,
  timeoutMs: number = method === 'GET' ? requestMsMax : changeAnswerMsMax,
): Promise<unknown> {
  try {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'x-mqtt-cluster': '1', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    // A link that does not exist may have been removed by an attempt whose answer was lost.
    const isDone = response.ok || (method === 'DELETE' && response.status === 404);
    return isDone ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @returns the link of this run in the answer of a member */
function linkIn(answer: unknown): LinkReport | undefined {
  const { links } = (answer ?? {}) as { readonly links?: readonly LinkReport[] };
  return links?.find(({ name }) => name === linkName);
}
