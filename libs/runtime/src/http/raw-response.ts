import type { CheckResult, HttpResponse } from './http-types.ts';

/** A response in the form in which it is sent. */
export interface RawResponse {
  readonly code: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export function checkResponse({ ok, reason }: CheckResult): RawResponse {
  return json(ok ? 200 : 503, reason === undefined ? { ok } : { ok, reason });
}

export function json(code: number, value: unknown): RawResponse {
  return { code, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

export function rawOf({ code, body, headers }: HttpResponse): RawResponse {
  const answer =
    body instanceof Uint8Array ? { code, type: 'application/octet-stream', body } : json(code, body);
  return headers === undefined ? answer : { ...answer, headers };
}
