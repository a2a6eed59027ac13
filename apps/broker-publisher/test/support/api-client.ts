import { routes } from '@mqtt-cluster/api';
import type { OperationId } from '@mqtt-cluster/api';
import type { z } from 'zod';

const retryMs = 100;

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Sends requests to the HTTP API of one member. Each good answer must match the schema of its operation. */
export class ApiClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = `${url}/api/v1`;
    this.#headers = headers;
  }

  async send(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const response = await this.raw(method, path, body === undefined ? undefined : JSON.stringify(body));
    const text = await response.text();
    return {
      status: response.status,
      body: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text,
      headers: response.headers,
    };
  }

  /** Sends the text of a body as JSON, unless the headers name another type. */
  raw(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(`${this.#url}${path}`, {
      method,
      headers: {
        'x-mqtt-cluster': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...this.#headers,
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
  }

  /**
   * Returns the body of a good answer, which must match the schema exactly. An election on a busy machine makes a member
   * refuse a change for a moment, so a request that may succeed later is repeated.
   */
  async ok<Result = never>(id: OperationId, method: string, path: string, body?: unknown): Promise<Result> {
    let answer = await this.send(method, path, body);
    while (answer.status === 503 && (answer.body as { readonly later?: boolean }).later === true) {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      answer = await this.send(method, path, body);
    }
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    strictly(schemaOf(id)).parse(answer.body);
    return answer.body as Result;
  }

  /** Returns the status and the sentence of a problem, which must have the form of RFC 9457. */
  async problem(method: string, path: string, body?: unknown): Promise<{ status: number; detail: string }> {
    const answer = await this.send(method, path, body);
    return problemOf(answer);
  }
}

export function problemOf({ status, body, headers }: ApiAnswer): { status: number; detail: string } {
  const { type, title, detail, status: inBody } = body as Record<string, unknown>;
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect({ type, title: typeof title, inBody }).toEqual({
    type: 'about:blank',
    title: 'string',
    inBody: status,
  });
  return { status, detail: String(detail) };
}

function schemaOf(id: OperationId): z.ZodType {
  const { responses } = routes[id] as {
    responses: Record<number, { content: Record<string, { schema: z.ZodType }> }>;
  };
  return (responses[200] ?? responses[202])!.content['application/json']!.schema;
}

/** A field that the schema does not have would be missing in the OpenAPI document. */
function strictly(schema: z.ZodType): z.ZodType {
  const candidate = schema as z.ZodType & { strict?: () => z.ZodType };
  return candidate.strict?.() ?? schema;
}

/** Reads a stream of server-sent events until it ends, or `wanted` events have arrived. */
export async function readEvents(
  response: Response,
  wanted = Infinity,
): Promise<{ event: string; data: unknown }[]> {
  const events: { event: string; data: unknown }[] = [];
  let pending = '';
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  while (events.length < wanted) {
    const { done, value } = await reader.read();
    if (done) return events;
    const blocks = (pending + value).split('\n\n');
    pending = blocks.pop()!;
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      const event = /^event: (.*)$/m.exec(block)?.[1] ?? 'message';
      if (data !== undefined) events.push({ event, data: JSON.parse(data) });
    }
  }
  await reader.cancel();
  return events;
}
