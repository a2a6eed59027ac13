import { holdsWithin } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';

const linkName = 'torture';
const requestMsMax = 2_000;
/** Longest time of a change: the removal of a link also ends its session at the other broker. */
const changeAnswerMsMax = 15_000;
const changeMsMax = 30_000;
/** Longest time until the link is connected after all faults have ended: its delays are 12 s at most. */
const connectedMsMax = 60_000;
const pollMs = 200;

/** The report of a member about the link, see `GET /api/v1/links`. */
export interface LinkReport {
  readonly name: string;
  readonly state: string;
  readonly member: string | null;
  readonly error: string | null;
  readonly reconnects: number;
  readonly possibleDuplicates: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** @param urls HTTP listeners of the members. @throws TortureError when no member accepts the definition */
export async function defineLink(urls: readonly string[], definition: object): Promise<void> {
  await change(urls, 'PUT', definition);
}

/** @param urls HTTP listeners of the members. @throws TortureError when no member accepts the removal */
export async function removeLink(urls: readonly string[]): Promise<void> {
  await change(urls, 'DELETE');
}

/** Sends a change to one member after the other until one accepts it. */
async function change(urls: readonly string[], method: string, body?: object): Promise<void> {
  const path = `/links/${linkName}`;
  let attempts = 0;
  const attempt = async (): Promise<boolean> =>
    (await send(urls[attempts++ % urls.length] ?? '', method, path, body)) !== null;
  if (await holdsWithin(attempt, { timeoutMs: changeMsMax, intervalMs: pollMs })) return;
  throw new TortureError(`no member accepted ${method} ${path} within ${changeMsMax / 1_000} s`);
}

/** @throws TortureError when the link does not connect in time */
export async function untilConnected(report: () => Promise<LinkReport | null>): Promise<void> {
  let last: LinkReport | null = null;
  const isConnected = async (): Promise<boolean> => {
    last = (await report()) ?? last;
    return last?.state === 'connected';
  };
  if (await holdsWithin(isConnected, { timeoutMs: connectedMsMax, intervalMs: pollMs })) return;
  const { state, error } = (last as LinkReport | null) ?? { state: 'unknown', error: null };
  throw new TortureError(
    `the link is ${state} and not connected after ${connectedMsMax / 1_000} s${error === null ? '' : `: ${error}`}`,
  );
}

/** @returns the body of a good answer; null without one */
export async function send(
  url: string,
  method: string,
  path: string,
  body?: object,
  timeoutMs: number = method === 'GET' ? requestMsMax : changeAnswerMsMax,
): Promise<unknown> {
  try {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'x-mqtt-cluster': '1', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    // A link that does not exist may have been removed by an attempt whose answer was lost.
    const isDone = response.ok || (method === 'DELETE' && response.status === 404);
    return isDone ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @returns the link of this run in the answer of a member */
export function linkIn(answer: unknown): LinkReport | undefined {
  const { links } = (answer ?? {}) as { readonly links?: readonly LinkReport[] };
  return links?.find(({ name }) => name === linkName);
}
