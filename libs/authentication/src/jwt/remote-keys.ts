import { createLocalJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { isLoopback } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { keySetBytesMax, KeysUnavailableError, parseKeySet } from './key-set.ts';
import type { TokenKeys } from './key-set.ts';

/** Age at which a key set is read again in the background. */
const refreshAfterMs = 5 * 60_000;
/** Least time between two requests. Tokens with unknown key ids cannot cause more. */
const requestMsMin = 30_000;
/** Least time between two requests while there are no keys. */
const firstRequestMsMin = 5_000;
/** Age above which a key set is no longer used: a key that was withdrawn works no longer than this. */
const staleMsMax = 24 * 3_600_000;
const answerMsMax = 5_000;

export interface RemoteKeysOptions {
  readonly url: string;
  readonly logger: Logger;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  readonly fetch?: typeof fetch;
}

/**
 * Returns what is wrong with the URL of a key set, or null. Who changes the answer of the URL can log in as anybody,
 * so the request must be protected, or must not leave the host.
 */
export function keySetUrlFault(text: string): string | null {
  if (!URL.canParse(text)) return 'must be a URL';
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return 'must not contain a user name or a password';
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return null;
  return 'must start with https://, or with http:// and a loopback address';
}

/**
 * The public keys behind a URL. They are read at the first token, every five minutes while tokens arrive, and when a
 * token has an unknown key id, at most once in 30 s. While the URL does not answer, the last keys are used for up to a
 * day.
 */
export class RemoteKeys implements TokenKeys {
  readonly #options: RemoteKeysOptions;
  readonly #now: () => number;
  #finder: JWTVerifyGetKey | null = null;
  #readAtMs = 0;
  #requestedAtMs = -Infinity;
  #request: Promise<void> | null = null;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#finder !== null && this.#age() > refreshAfterMs) void this.#refresh();
    if (this.#finder === null || this.#age() > staleMsMax) await this.#refresh();
    if (this.#finder === null || this.#age() > staleMsMax) {
      throw new KeysUnavailableError(`${this.#options.url} has not answered with a key set`);
    }
    try {
      return await this.#finder(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const before = this.#finder;
      await this.#refresh();
      if (this.#finder === before) throw error;
      return this.#finder(header, token);
    }
  };

  #age(): number {
    return this.#now() - this.#readAtMs;
  }

  /** Reads the keys, unless the last request was a short time ago. Concurrent calls share one request. */
  #refresh(): Promise<void> {
    if (this.#request !== null) return this.#request;
    const pauseMs = this.#finder === null ? firstRequestMsMin : requestMsMin;
    if (this.#now() - this.#requestedAtMs < pauseMs) return Promise.resolve();
    this.#requestedAtMs = this.#now();
    this.#request = this.#read().finally(() => (this.#request = null));
    return this.#request;
  }

  async #read(): Promise<void> {
    const { url, logger, fetch: send = fetch } = this.#options;
    try {
      const response = await send(url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(answerMsMax),
      });
      if (!response.ok) throw new Error(`the answer has the HTTP status ${response.status}`);
      this.#finder = createLocalJWKSet(parseKeySet(await boundedBody(response)));
      this.#readAtMs = this.#now();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      logger.warn(
        { url, error: `${error instanceof Error ? error.message : String(error)}${cause}` },
        'The keys of the tokens (mqtt.jwt.keysUrl) cannot be read; the last keys stay in use for up to a day',
      );
    }
  }
}

/** @throws Error the body is larger than a key set may be */
async function boundedBody(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > keySetBytesMax) throw new Error(`the answer has more than ${keySetBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
