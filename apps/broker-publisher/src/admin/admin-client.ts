import { ClusterError } from '@mqtt-cluster/contracts';

/** The appliance said no, or nothing; the message is one clear line. */
export class AdminError extends ClusterError {
  /** It may be done when it is asked again. */
  readonly later: boolean;
  constructor(message: string, options?: ErrorOptions, later = false) {
    super('ADMIN', message, options);
    this.later = later;
  }
}

/** Longer than the leader may take for its answer. */
const answerMsMax = 15_000;

/** The admin pages of one appliance. */
export class AdminClient {
  readonly #url: string;
  readonly #token: string | null;

  constructor(url: string, token: string | null) {
    this.#url = url.replace(/\/$/, '');
    this.#token = token;
  }

  /** @throws AdminError */
  get<T>(path: string): Promise<T> {
    return this.#json('GET', path);
  }

  /** @throws AdminError */
  post<T>(path: string, body: Readonly<Record<string, unknown>> = {}): Promise<T> {
    return this.#json('POST', path, JSON.stringify(body));
  }

  /** @throws AdminError */
  async bytes(path: string): Promise<Uint8Array> {
    const response = await this.#ask('GET', path);
    if (!response.ok) throw await refusalOf(response);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Null when nobody answers (any more). */
  async whileThere<T>(path: string): Promise<T | null> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof AdminError && error.cause !== undefined) return null;
      throw error;
    }
  }

  /** `/cluster/health` answers with its page also when things are not well. */
  async #json<T>(method: string, path: string, body?: string): Promise<T> {
    const response = await this.#ask(method, path, body);
    const isVerdict = response.status === 503;
    if (!response.ok && !isVerdict) throw await refusalOf(response);
    return (await response.json()) as T;
  }

  async #ask(method: string, path: string, body?: string): Promise<Response> {
    const headers = {
      'content-type': 'application/json',
      ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
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
        `the appliance does not answer at ${this.#url}: is it running? (--url says where)`,
        { cause },
      );
    }
  }
}

async function refusalOf(response: Response): Promise<AdminError> {
  try {
    const { error, later } = (await response.json()) as { error?: unknown; later?: unknown };
    if (typeof error === 'string') return new AdminError(error, undefined, later === true);
  } catch {
    // The status alone has to do.
  }
  return new AdminError(`the appliance answers ${response.status}: is it of the same version?`);
}
