import { request as httpRequest } from 'node:http';
import { LabError } from '../errors.ts';

const responseMsMax = 2_000;
const responseCharactersMax = 8 * 1024 * 1024;

export interface Response {
  readonly status: number;
  readonly body: string;
}

/** Sends one HTTP request on a new connection. @throws LabError when no complete response arrives in time */
export function request(
  host: string,
  port: number,
  path: string,
  options: { readonly method?: string; readonly body?: string; readonly timeoutMs?: number } = {},
): Promise<Response> {
  const { method = 'GET', body, timeoutMs = responseMsMax } = options;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new LabError(`http://${host}:${port}${path}: ${why}`));
    const signal = AbortSignal.timeout(timeoutMs);
    const outgoing = httpRequest({ host, port, path, method, agent: false, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data: string) => {
        text += data;
        if (text.length > responseCharactersMax) response.destroy();
      });
      response.on('error', (error) => fail(error.message));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on('error', (error) => fail(error.message));
    outgoing.end(body);
  });
}

/** Returns whether the member at this address reports that it is ready. */
export async function isReady(host: string, port: number): Promise<boolean> {
  try {
    return (await request(host, port, '/readyz')).status === 200;
  } catch {
    return false;
  }
}

/**
 * Returns the status of a member or client; null when no response arrives or the response is not a JSON object.
 *
 * @param timeoutMs longest wait for the response; 2 s by default
 */
export async function readStatus(
  host: string,
  port: number,
  timeoutMs = responseMsMax,
): Promise<Record<string, unknown> | null> {
  try {
    const { status, body } = await request(host, port, '/status', { timeoutMs });
    const value: unknown = status === 200 ? JSON.parse(body) : null;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * Returns the number of messages that a member dropped because the queue of a session was full, as the member reports it.
 * Only these losses are allowed (P1). Returns 0 when the member does not respond.
 */
export async function readDroppedAtBound(host: string, port: number): Promise<number> {
  try {
    const { body } = await request(host, port, '/metrics');
    const match = /dropped_messages_total\{[^}]*reason="queueFull"[^}]*\} (\d+)/.exec(body);
    return Number(match?.[1] ?? 0);
  } catch {
    return 0;
  }
}
