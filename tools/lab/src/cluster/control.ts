import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { describeError, UsageError } from '@mqtt-cluster/kit';
import { z } from 'zod';
import { LabError } from '../errors.ts';
import { isFaultAction } from '../fault-forms.ts';
import type { Cluster } from './cluster.ts';
import type { MemberReport } from './lab-member.ts';
import { request } from './http.ts';
import { isLabProcess, readLabFile } from './lab-file.ts';

const controlHost = '127.0.0.1';
const requestCharactersMax = 64 * 1024;
/** Longest duration of a fault request. The fault `rolling` restarts up to seven members, one after the other. */
const faultMsMax = 300_000;

/** An HTTP server on a loopback address. Other processes send it requests that control a running lab. */
export class Control {
  readonly #server: Server;
  readonly host = controlHost;
  #port = 0;

  constructor(cluster: Cluster, onDown: (keep: boolean) => void) {
    this.#server = createServer((incoming, response) => {
      const respond = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      handle(cluster, incoming, onDown).then(
        (value) => respond(200, value),
        (error: unknown) => respond(error instanceof UsageError ? 400 : 500, { error: describeError(error) }),
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

/** Carries out one request. @returns the JSON value of the response. @throws UsageError, LabError */
async function handle(
  cluster: Cluster,
  incoming: IncomingMessage,
  onDown: (keep: boolean) => void,
): Promise<unknown> {
  const endpoint = `${incoming.method} ${incoming.url}`;
  if (endpoint === 'GET /status') return { members: await cluster.report(), crashes: cluster.crashes };
  if (endpoint === 'POST /fault') {
    const { action, groups, value } = decodeBody(faultRequest, await readBody(incoming));
    if (!isFaultAction(action)) throw new UsageError(`unknown fault "${action}"`);
    await cluster.fault(action, groups, value);
    return {};
  }
  if (endpoint === 'POST /down') {
    const { keep } = decodeBody(downRequest, await readBody(incoming));
    setImmediate(() => onDown(keep));
    return {};
  }
  throw new UsageError(`unknown request ${endpoint}`);
}

const faultRequest = z.object({
  action: z.string(),
  /** Member ids; `cut` and `slow` have one group per side. */
  groups: z.array(z.array(z.string())),
  value: z.number().optional(),
});
const downRequest = z.object({ keep: z.boolean().default(false) });

/** Decodes the body of a request. @throws UsageError when the body is not JSON that matches the schema */
function decodeBody<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError('the body of the request is not valid', { cause });
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const data of incoming) {
    text += String(data);
    if (text.length > requestCharactersMax) throw new UsageError('the request is too long');
  }
  return text;
}

export interface LabStatus {
  readonly members: readonly MemberReport[];
  readonly crashes: readonly string[];
}

const errorAnswer = z.object({ error: z.string() });

/**
 * Sends a request to the running lab of a folder.
 *
 * @throws LabError when no lab runs in the folder or the request fails, UsageError when the lab rejects the request as invalid
 */
export async function askLab(folder: string, method: string, path: string, body?: object): Promise<unknown> {
  const file = readLabFile(folder);
  if (file === null || !isLabProcess(file.pid))
    throw new LabError(`no lab is running in ${folder}; "lab up" starts one`);
  const { status, body: text } = await request(file.control.host, file.control.port, path, {
    method,
    timeoutMs: faultMsMax,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: unknown = JSON.parse(text);
  if (status === 200) return value;
  const error = errorAnswer.safeParse(value).data?.error ?? text;
  throw status === 400 ? new UsageError(error) : new LabError(error);
}
