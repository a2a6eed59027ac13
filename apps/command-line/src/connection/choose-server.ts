import { apiPrefix } from '@mqtt-cluster/api/acts';
import { CommandError } from '../program/errors.ts';
import { reasonOf } from './failures.ts';
import type { Fetch } from './node-fetch.ts';

/** Time in which a server of several must answer. A busy host needs some seconds for the first answer. */
const chooseMsMax = 5_000;
/**
 * Statuses of a member that refuses a question without credentials: unauthorized, forbidden, too many wrong credentials
 * before. With credentials the member may answer.
 */
const refusals: ReadonlySet<number> = new Set([401, 403, 429]);

/**
 * Returns the first server that answers or refuses. The question has no credentials. A single server is not asked.
 *
 * @throws CommandError no server answered within 5 s; the message has the reason of each
 */
export async function chooseServer(servers: readonly string[], fetch: Fetch): Promise<string> {
  const [only] = servers;
  if (servers.length === 1) return only!;
  const chosen = new AbortController();
  const signal = AbortSignal.any([chosen.signal, AbortSignal.timeout(chooseMsMax)]);
  const ask = async (server: string): Promise<string> => {
    try {
      const response = await fetch(new Request(`${server}${apiPrefix}/me`, { signal }));
      await response.arrayBuffer();
      if (response.ok || refusals.has(response.status)) return server;
      throw new Error(`HTTP status ${response.status}`);
    } catch (cause) {
      const reason = signal.aborted ? `no answer within ${chooseMsMax / 1_000} s` : reasonOf(cause);
      throw new Error(`${server}: ${reason}`, { cause });
    }
  };
  try {
    return await Promise.any(servers.map(ask));
  } catch (cause) {
    const reasons = (cause as AggregateError).errors.map((error: Error) => error.message);
    throw new CommandError(`no server answered: ${reasons.join('; ')}`, { cause });
  } finally {
    chosen.abort();
  }
}
