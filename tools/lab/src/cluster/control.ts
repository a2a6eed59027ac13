import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { LabError, messageOf, UsageError } from '../errors.ts';
import { isFaultAction } from '../fault-forms.ts';
import type { Cluster } from './cluster.ts';
import type { MemberReport } from './lab-member.ts';
import { ask } from './http.ts';
import { isOurs, readLabFile } from './lab-file.ts';

const controlHost = '127.0.0.1';
const requestBytesMax = 64 * 1024;
/** `start` may take 30 s, `stop` 10 s, and `rolling` is both for seven members. */
const faultMsMax = 300_000;

/** The commands of other processes for a lab that is up, over HTTP on a loopback address. */
export class Control {
  readonly #server: Server;
  readonly host = controlHost;
  #port = 0;

  constructor(cluster: Cluster, onDown: (keep: boolean) => void) {
    this.#server = createServer((request, response) => {
      const respond = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      answer(cluster, request, onDown).then(
        (value) => respond(200, value),
        (error: unknown) => respond(error instanceof UsageError ? 400 : 500, { error: messageOf(error) }),
      );
    });
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: controlHost, port: 0 }, resolve);
    });
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function answer(
  cluster: Cluster,
  request: IncomingMessage,
  onDown: (keep: boolean) => void,
): Promise<unknown> {
  const path = `${request.method} ${request.url}`;
  if (path === 'GET /status') return { members: await cluster.report(), crashes: cluster.crashes };
  if (path === 'POST /fault') {
    const { action, groups, value } = JSON.parse(await readBody(request)) as Record<string, unknown>;
    if (typeof action !== 'string' || !isFaultAction(action)) throw new UsageError(`no fault "${action}"`);
    await cluster.fault(action, groups as string[][], typeof value === 'number' ? value : undefined);
    return {};
  }
  if (path === 'POST /down') {
    const { keep } = JSON.parse(await readBody(request)) as { keep?: boolean };
    setImmediate(() => onDown(keep === true));
    return {};
  }
  throw new UsageError(`no ${path}`);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const data of request) {
    text += String(data);
    if (text.length > requestBytesMax) throw new UsageError('the request is too long');
  }
  return text;
}

export interface LabStatus {
  readonly members: readonly MemberReport[];
  readonly crashes: readonly string[];
}

/** Asks the lab of a folder. @throws LabError when none is up, UsageError when it says the request is wrong. */
export async function askLab(folder: string, method: string, path: string, body?: object): Promise<unknown> {
  const file = readLabFile(folder);
  if (file === null || !isOurs(file.pid))
    throw new LabError(`no lab is up in ${folder}; "lab up" starts one`);
  const { status, body: text } = await ask(file.control.host, file.control.port, path, {
    method,
    timeoutMs: faultMsMax,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value = JSON.parse(text) as { error?: string };
  if (status === 400) throw new UsageError(value.error ?? text);
  if (status !== 200) throw new LabError(value.error ?? text);
  return value;
}
