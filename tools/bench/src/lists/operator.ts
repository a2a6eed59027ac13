import { Agent, request } from 'node:http';
import type { Endpoint } from '../generator/load.ts';

const requestMsMax = 30_000;
const pageItems = 500;

interface Answer {
  readonly body: unknown;
  readonly bytes: number;
  readonly ms: number;
}

/** An operator that reads the lists of the HTTP API at one member, over one connection. */
export class Operator {
  readonly #endpoint: Endpoint;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** @throws Error the member does not answer, or answers with another status than 200 */
  ask(method: string, path: string, body?: object): Promise<Answer> {
    const { host, port } = this.#endpoint;
    const startedMs = performance.now();
    const headers = { 'x-mqtt-cluster': '1', ...(body && { 'content-type': 'application/json' }) };
    const options = { host, port, method, path: `/api/v1${path}`, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const sent = request({ ...options, timeout: requestMsMax }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const ms = performance.now() - startedMs;
          const bytes = Buffer.concat(chunks);
          if (response.statusCode !== 200)
            return reject(
              new Error(`${method} ${path}: ${response.statusCode} ${bytes.toString().slice(0, 300)}`),
            );
          resolve({ body: JSON.parse(bytes.toString()) as unknown, bytes: bytes.length, ms });
        });
      });
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  end(): void {
    this.#agent.destroy();
  }
}

/** A list of the API. */
export interface List {
  readonly name: string;
  /** Path with a query, without `limit` and `after`. */
  readonly path: string;
  /** `one`: the answer has no pages. `count`: a dry run of a deletion. */
  readonly kind: 'pages' | 'one' | 'count';
}

/** What reading the pages of a list cost. */
export interface ListReading {
  readonly list: string;
  readonly items: number;
  readonly answersMs: readonly number[];
  readonly bytesMost: number;
  /** Members that did not contribute to an answer. */
  readonly missing: readonly string[];
}

interface Page {
  readonly items?: readonly unknown[];
  readonly events?: readonly unknown[];
  readonly members?: readonly unknown[];
  readonly matched?: number;
  readonly next?: string | null;
  readonly unreachable?: readonly string[];
  readonly tooOld?: readonly string[];
}

/** Reads a list from its first to its last page, or until `isOver`. */
export async function readList(
  operator: Operator,
  { name, path, kind }: List,
  isOver: () => boolean,
): Promise<ListReading> {
  const answersMs: number[] = [];
  const missing = new Set<string>();
  let items = 0;
  let bytesMost = 0;
  let after: string | null = null;
  do {
    const limit = kind === 'pages' ? `${path.includes('?') ? '&' : '?'}limit=${pageItems}` : '';
    const cursor: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
    const { body, bytes, ms } = await operator.ask(
      kind === 'count' ? 'DELETE' : 'GET',
      `${path}${limit}${cursor}`,
    );
    const page = body as Page;
    answersMs.push(ms);
    items += page.matched ?? (page.items ?? page.events ?? page.members ?? []).length;
    bytesMost = Math.max(bytesMost, bytes);
    for (const id of [...(page.unreachable ?? []), ...(page.tooOld ?? [])]) missing.add(id);
    after = page.next ?? null;
  } while (after !== null && !isOver());
  return { list: name, items, answersMs, bytesMost, missing: [...missing] };
}

export interface Deletion {
  readonly messages: number;
  readonly seconds: number;
  readonly requests: number;
  readonly slowestMs: number;
}

/** Deletes all retained messages below a filter, as the console and the command line do. */
export async function deleteRetained(operator: Operator, filter: string): Promise<Deletion> {
  const startedMs = performance.now();
  let messages = 0;
  let requests = 0;
  let slowestMs = 0;
  let after: string | null = null;
  do {
    const cursor: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
    const path: string = `/retained?filter=${encodeURIComponent(filter)}&dryRun=false&limit=2000${cursor}`;
    const { body, ms } = await operator.ask('DELETE', path);
    const answer = body as { readonly deleted: number; readonly next: string | null };
    messages += answer.deleted;
    requests++;
    slowestMs = Math.max(slowestMs, ms);
    after = answer.next;
  } while (after !== null);
  return { messages, seconds: (performance.now() - startedMs) / 1_000, requests, slowestMs };
}
