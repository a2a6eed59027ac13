import { STATUS_CODES } from 'node:http';
import type { ServerResponse } from 'node:http';

/** Sends an error in the form of RFC 9457. */
export function sendProblem(response: ServerResponse, code: number, detail: string): void {
  if (response.headersSent) return void response.destroy();
  const title = STATUS_CODES[code] ?? 'Error';
  const body = JSON.stringify({ type: 'about:blank', title, status: code, detail });
  response.writeHead(code, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  response.end(body);
}

export function sendJson(response: ServerResponse, code: number, value: unknown): void {
  response.writeHead(code, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(value));
}
