import { ClusterError, parseJson } from '@mqtt-cluster/contracts';
import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { adminUserAgent } from './paths.ts';

/** The appliance rejected a request or did not answer. The message is one line. */
export class AdminError extends ClusterError {
  /** True when the appliance reported that the same request may succeed later. */
  readonly later: boolean;
  constructor(message: string, options?: ErrorOptions, later = false) {
    super('ADMIN', message, options);
    this.later = later;
  }
}

/** Timeout of one HTTP request. It is longer than the time within which the leader answers an admin command. */
const answerMsMax = 15_000;

const errorSchema = z.object({ error: z.string(), later: z.boolean().optional() });

/** The admin token, or a user of the cluster with its password. */
export type AdminCredentials =
  { readonly token: string } | { readonly user: string; readonly password: string };

function authorizationOf(credentials: AdminCredentials): string {
  if ('token' in credentials) return `Bearer ${credentials.token}`;
  const { user, password } = credentials;
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** HTTP client for the admin pages of one appliance. */
export class AdminClient {
  readonly #url: string;
  readonly #authorization: string | null;

  constructor(url: string, credentials: AdminCredentials | null) {
    this.#url = url.replace(/\/$/, '');
    this.#authorization = credentials && authorizationOf(credentials);
  }

  /** @throws AdminError */
  get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<Decoded<Schema>> {
    return this.#json('GET', path, schema);
  }

  /** @throws AdminError */
  post<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    body: Readonly<Record<string, unknown>> = {},
  ): Promise<Decoded<Schema>> {
    return this.#json('POST', path, schema, JSON.stringify(body));
  }

  /** @throws AdminError */
  put<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    body: Readonly<Record<string, unknown>>,
  ): Promise<Decoded<Schema>> {
    return this.#json('PUT', path, schema, JSON.stringify(body));
  }

  /** @throws AdminError */
  delete<Schema extends z.ZodType>(path: string, schema: Schema): Promise<Decoded<Schema>> {
    return this.#json('DELETE', path, schema);
  }

  /** @throws AdminError */
  async bytes(path: string): Promise<Uint8Array> {
    const response = await this.#request('GET', path);
    if (!response.ok) throw await rejectionOf(response);
    return new Uint8Array(await response.arrayBuffer());
  }

  /**
   * Returns null when the appliance does not answer, for example because it has stopped. @throws AdminError
   */
  async getIfRunning<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
  ): Promise<Decoded<Schema> | null> {
    try {
      return await this.get(path, schema);
    } catch (error) {
      if (error instanceof AdminError && error.cause !== undefined) return null;
      throw error;
    }
  }

  /** Accepts status 503 too: `/cluster/health` sends its page with 503 when the cluster is not healthy. */
  async #json<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    body?: string,
  ): Promise<Decoded<Schema>> {
    const response = await this.#request(method, path, body);
    const isUnhealthyPage = response.status === 503;
    if (!response.ok && !isUnhealthyPage) throw await rejectionOf(response);
    const answer = parseJson(schema, await response.text());
    if (answer !== undefined) return answer;
    throw new AdminError(
      `the answer of ${this.#url}${path} has an unexpected form: does the appliance have the same version?`,
    );
  }

  async #request(method: string, path: string, body?: string): Promise<Response> {
    const headers = {
      'content-type': 'application/json',
      'user-agent': adminUserAgent,
      ...(this.#authorization === null ? {} : { authorization: this.#authorization }),
    };
    const signal = AbortSignal.timeout(answerMsMax);
    try {
      return await fetch(`${this.#url}${path}`, {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body }),
      });
    } catch (cause) {
      throw new AdminError(
        `the appliance does not answer at ${this.#url}: ${hintOf(cause, this.#url)} (set another address with --url)`,
        { cause },
      );
    }
  }
}

const untrustedCodes: ReadonlySet<unknown> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Returns what to do about a failed request. A member may serve HTTP, HTTPS or both at its port. */
function hintOf(error: unknown, url: string): string {
  const { code } = ((error as Error).cause ?? {}) as { readonly code?: unknown };
  if (untrustedCodes.has(code))
    return 'its certificate is not trusted: name the authority of the cluster with NODE_EXTRA_CA_CERTS=FILE';
  if (code === 'ECONNREFUSED' || (error as Error).name === 'TimeoutError') return 'is it running?';
  if (url.startsWith('https:')) return 'is it running, and does it serve HTTPS (http.tls)?';
  return 'is it running, or does it serve HTTPS only (http.tls)?';
}

async function rejectionOf(response: Response): Promise<AdminError> {
  const answer = parseJson(errorSchema, await response.text());
  if (answer !== undefined) return new AdminError(answer.error, undefined, answer.later === true);
  return new AdminError(
    `the appliance answered with HTTP status ${response.status}: does it have the same version?`,
  );
}
