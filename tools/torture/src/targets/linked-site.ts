import { LinkProxy } from '@mqtt-cluster/lab';
import { holdsWithin, freePort } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import type { FaultKind, PlannedFault } from '../nemesis/fault.ts';
import { LinkNetwork } from './link-network.ts';
import { defineLink, linkIn, removeLink, send, untilConnected } from './link-requests.ts';
import type { LinkReport } from './link-requests.ts';
import type { NetworkAddress, RemoteEnd } from './remote-end.ts';
import { TakeoverTimes } from './takeover-times.ts';

const proxyHost = '127.0.3.101';
/** Interval of the requests for the next runner, and timeout of each, ms. They bound the accuracy of the takeover times. */
const takeoverPollMs = 50;
const takeoverAnswerMsMax = 300;
/** Time for which a takeover is observed, ms. */
const takeoverMsMax = 20_000;

const processKinds: ReadonlySet<FaultKind> = new Set(['kill', 'stop', 'pause']);

export interface SiteMember {
  readonly id: string;
  /** URL of the HTTP listener. */
  readonly url: string;
}

async function proxyBefore({ host, port }: NetworkAddress): Promise<LinkProxy> {
  const listenPort = await freePort(proxyHost);
  return new LinkProxy({ listenHost: proxyHost, listenPort, targetHost: host, targetPort: port });
}

/** The other end of a link beside a cluster, and the link to it through proxies that inject network faults. */
export class LinkedSite {
  readonly #end: RemoteEnd;
  readonly #members: readonly SiteMember[];
  readonly #urls: readonly string[];
  #network: LinkNetwork | null = null;
  readonly #takeovers = new TakeoverTimes();

  constructor(end: RemoteEnd, members: readonly SiteMember[]) {
    this.#end = end;
    this.#members = members;
    this.#urls = members.map(({ url }) => url);
  }

  get servers(): readonly ServerAddress[] {
    return this.#end.servers;
  }

  /** Starts the other end and the link. @throws TortureError when the link does not connect in time */
  async open(): Promise<void> {
    const targets = await this.#end.start();
    const proxies = await Promise.all(targets.map(proxyBefore));
    this.#network = new LinkNetwork(proxies);
    await this.#network.open();
    await defineLink(this.#urls, this.#end.definition(proxies.map(({ port }) => `${proxyHost}:${port}`)));
    await untilConnected(() => this.#report());
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

  /** Whether the servers of the other end lose what they have not saved when they are killed. */
  get isForgetful(): boolean {
    return this.#end.isForgetful === true;
  }

  /** @returns the servers of the other end that the next fault of this kind affects. The network affects all of them. */
  aim(kind: FaultKind): readonly number[] {
    const all = this.servers.map((_, position) => position);
    return processKinds.has(kind) ? (this.#end.aim?.() ?? all) : all;
  }

  async begin(fault: PlannedFault): Promise<void> {
    if (processKinds.has(fault.kind)) return this.#end.begin(fault);
    this.#network?.begin(fault.kind);
  }

  async end(fault: PlannedFault): Promise<void> {
    if (!processKinds.has(fault.kind)) return this.#network?.end(fault.kind);
    await this.#end.end(fault);
    await this.#network?.open();
  }

  /** Ends all faults. @throws TortureError when the link does not connect in time */
  async restore(): Promise<void> {
    this.#network?.heal();
    await this.#end.restore();
    await this.#network?.open();
    await untilConnected(() => this.#report());
  }

  takeCrashes(): string[] {
    return this.#end.takeCrashes();
  }

  /** @returns the counters of the member that runs the link, in one sentence */
  async describe(): Promise<string> {
    const report = await this.#report();
    if (report === null) return 'no member reports the link';
    const { member, reconnects, possibleDuplicates, dropped } = report;
    const drops = Object.entries(dropped).filter(([, count]) => count > 0);
    return (
      `${this.#takeovers.describe()}; ${member ?? 'no member'} runs the link; since its last start: ${reconnects} reconnects, ` +
      `${possibleDuplicates} possible duplicates, ` +
      (drops.length === 0 ? 'nothing dropped' : `dropped: ${drops.map((drop) => drop.join(' ')).join(', ')}`)
    );
  }

  /** Removes the link, and ends the other end. @param removesLink false for a cluster that will be stopped too */
  async close(keep: boolean, removesLink: boolean): Promise<void> {
    try {
      if (removesLink) await removeLink(this.#urls);
    } finally {
      this.#network?.close();
      await this.#end.stop(keep);
    }
  }
}
