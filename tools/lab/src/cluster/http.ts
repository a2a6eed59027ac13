import { request } from 'node:http';
import { LabError } from '../errors.ts';

const answerMsMax = 2_000;
const answerBytesMax = 8 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own. @throws LabError when there is no answer in time. */
export function ask(
  host: string,
  port: number,
  path: string,
  options: { readonly method?: string; readonly body?: string; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  const { method = 'GET', body, timeoutMs = answerMsMax } = options;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new LabError(`http://${host}:${port}${path}: ${why}`));
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = request({ host, port, path, method, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data: string) => {
        text += data;
        if (text.length > answerBytesMax) response.destroy();
      });
      response.on('error', (error) => fail(error.message));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on('error', (error) => fail(error.message));
    outgoing.end(body);
  });
}

export async function isReady(host: string, port: number): Promise<boolean> {
  try {
    return (await ask(host, port, '/readyz')).status === 200;
  } catch {
    return false;
  }
}

/** The parsed object, or null when nobody answers or what is answered is no JSON object. */
export async function readStatus(host: string, port: number): Promise<Record<string, unknown> | null> {
  try {
    const { status, body } = await ask(host, port, '/status');
    const value: unknown = status === 200 ? JSON.parse(body) : null;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * How many messages a member says it dropped because a session's queue was at its bound: the one loss that is allowed
 * (design, P1). 0 when it can't be asked.
 */
export async function readDroppedAtBound(host: string, port: number): Promise<number> {
  try {
    const { body } = await ask(host, port, '/metrics');
    const match = /dropped_messages_total\{[^}]*reason="queueFull"[^}]*\} (\d+)/.exec(body);
    return Number(match?.[1] ?? 0);
  } catch {
    return 0;
  }
}
