import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describeError, UsageError } from '@mqtt-cluster/kit';
import { crossSiteRefusal, KnownHosts, StaticFiles } from '@mqtt-cluster/runtime';
import type { CrossSiteRefusal } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import type { Cluster } from '../cluster/cluster.ts';
import { faultList } from '../fault-forms.ts';
import type { LiveViewLoad } from '../view/live-view-load.ts';
import { sendJson, sendProblem } from './answers.ts';
import { FaultRunner } from './fault-runner.ts';
import { processState, trafficOf } from './lab-state.ts';
import type { LabState } from './lab-state.ts';
import { MemberProxy } from './member-proxy.ts';

const webHost = '127.0.0.1';
/** The first port that the server tries. */
const firstPort = 9200;
const portsTried = 10;
const connectionsMax = 64;
const headersTimeoutMs = 5_000;
const faultBytesMax = 4 * 1024;
/** Time that a request waits until its fault is in effect. A later failure is in the history. */
const faultMsMax = 5_000;

/** The folder of the console: `console` beside the bundle of the lab. */
const consoleFolder = fileURLToPath(new URL('./console', import.meta.url));
const notBuilt = 'The web console is not built: "npm run build" builds it.\n';

export interface LabWebOptions {
  readonly cluster: Cluster;
  /** The load whose figures the page shows; null without a load. */
  readonly load: LiveViewLoad | null;
  readonly folder?: string;
}

/**
 * The HTTP server of the lab for the web console, on a loopback address. The page comes from the process of the lab, so it
 * outlives the members that its buttons kill: requests for `/api/` and `/mqtt` go to a member that runs. `/lab/` serves the
 * faults, the processes and the figures of the load. As at a member, only pages of this server itself may use it.
 */
export class LabWeb {
  readonly #options: LabWebOptions;
  readonly #server: Server;
  readonly #files: StaticFiles;
  readonly #proxy: MemberProxy;
  readonly #faults: FaultRunner;
  readonly #rules = { hosts: new KnownHosts([]), needsChangeHeader: () => true };
  #port = 0;

  constructor(options: LabWebOptions) {
    const { cluster, load, folder = consoleFolder } = options;
    this.#options = options;
    this.#files = new StaticFiles(folder);
    this.#proxy = new MemberProxy({
      members: cluster.layout.members,
      isRunning: (member) => cluster.isRunning(member),
    });
    this.#faults = new FaultRunner({
      cluster,
      onKill: (members) => load?.watchGap(members),
      now: () => Date.now(),
    });
    this.#server = createServer({ headersTimeout: headersTimeoutMs }, (incoming, response) => {
      this.#handle(incoming, response).catch((error: unknown) =>
        sendProblem(response, 500, describeError(error)),
      );
    });
    this.#server.maxConnections = connectionsMax;
    this.#server.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head));
  }

  /** Address of the console. */
  get url(): string {
    return `http://${webHost}:${this.#port}/`;
  }

  /** Listens at the first free port from 9200 on, or at any free port. */
  async open(): Promise<void> {
    const ports = Array.from({ length: portsTried }, (_, index) => firstPort + index);
    for (const port of [...ports, 0]) {
      const error = await this.#listen(port);
      if (error === null) return;
      if (error.code !== 'EADDRINUSE') throw error;
    }
  }

  close(): void {
    this.#proxy.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #listen(port: number): Promise<NodeJS.ErrnoException | null> {
    return new Promise((resolve) => {
      const server = this.#server;
      const failed = (error: NodeJS.ErrnoException): void => resolve(error);
      server.once('error', failed);
      server.listen({ host: webHost, port, exclusive: true }, () => {
        server.off('error', failed);
        server.on('error', () => undefined);
        this.#port = (server.address() as AddressInfo).port;
        resolve(null);
      });
    });
  }

  #refusal(incoming: IncomingMessage): CrossSiteRefusal | null {
    const { method = 'GET', headers } = incoming;
    return crossSiteRefusal({ method, path: pathOf(incoming), headers, isSecure: false }, this.#rules);
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const code = this.#refusal(incoming)?.code ?? (pathOf(incoming) === '/mqtt' ? null : 404);
    if (code === null) return this.#proxy.connect(incoming, socket, head);
    socket.on('error', () => undefined);
    socket.end(`HTTP/1.1 ${code} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#refusal(incoming);
    if (refusal !== null) return sendProblem(response, refusal.code, refusal.reason);
    const path = pathOf(incoming);
    if (path.startsWith('/api/')) return this.#proxy.forward(incoming, response);
    if (path.startsWith('/lab/')) return this.#lab(path, incoming, response);
    const { method = 'GET', headers } = incoming;
    const answer = await this.#files.respond({ method, path, headers });
    if (answer === null) {
      const text = path === '/' ? notBuilt : 'The lab has no such page.\n';
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
      return;
    }
    if (!(answer.body instanceof Uint8Array)) return sendProblem(response, answer.code, 'only GET and HEAD');
    response.writeHead(answer.code, answer.headers);
    response.end(method === 'HEAD' || answer.code === 304 ? undefined : answer.body);
  }

  async #lab(path: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = incoming;
    if (path === '/lab/state') {
      if (method !== 'GET') return sendProblem(response, 405, 'this path supports only GET requests');
      return sendJson(response, 200, this.#state());
    }
    if (path !== '/lab/faults')
      return sendProblem(response, 404, 'the lab has only /lab/state and /lab/faults');
    if (method !== 'POST') return sendProblem(response, 405, 'this path supports only POST requests');
    const text = await textOf(incoming);
    const given = faultRequest.safeParse(text === null ? null : jsonOf(text));
    if (!given.success) return sendProblem(response, 400, 'the body must be {"fault":"kill:3"}');
    await this.#inject(given.data.fault, response);
  }

  async #inject(fault: string, response: ServerResponse): Promise<void> {
    const running = this.#faults.run(fault).then(
      () => ({ code: 200, error: '' }),
      (error: unknown) => ({ code: error instanceof UsageError ? 400 : 409, error: describeError(error) }),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<{ code: number; error: string }>((resolve) => {
      timer = setTimeout(() => resolve({ code: 202, error: '' }), faultMsMax);
    });
    const { code, error } = await Promise.race([running, late]);
    clearTimeout(timer);
    if (error !== '') return sendProblem(response, code, error);
    sendJson(response, code, { fault });
  }

  #state(): LabState {
    const { cluster, load } = this.#options;
    return {
      atMs: Date.now(),
      members: cluster
        .processes()
        .map(({ process, ...member }) => ({ ...member, process: processState(process) })),
      faults: faultList(),
      traffic: load === null ? [] : trafficOf(load.tally.view(performance.now())),
      clients: load?.clients.view() ?? [],
      history: this.#faults.history,
    };
  }
}

const faultRequest = z.strictObject({ fault: z.string().min(1).max(200) });

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?')[0] ?? '/';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** Returns null for a body that is too large. */
async function textOf(incoming: IncomingMessage): Promise<string | null> {
  let text = '';
  for await (const data of incoming) {
    text += String(data);
    if (text.length > faultBytesMax) return null;
  }
  return text;
}
