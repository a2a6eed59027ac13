import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';

export interface BrowserAnswer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface BrowserRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  /** Headers that no script may set, such as Host and Origin, included. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends an HTTP request with any headers, as a browser does for a page. */
export function send({ body, headers, ...options }: BrowserRequest): Promise<BrowserAnswer> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const all = { ...headers, ...(text !== '' && { 'content-length': String(Buffer.byteLength(text)) }) };
  return new Promise((resolve, reject) => {
    const sent = request({ agent: false, headers: all, ...options }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (data: string) => (answer += data));
      const code = response.statusCode ?? 0;
      response.on('end', () => resolve({ code, headers: response.headers, text: answer }));
    });
    sent.on('error', reject);
    sent.end(text);
  });
}

/** Opens a WebSocket. Returns 101, or the status code that refuses it. */
export function openWebSocket({ host, port, path, headers = {} }: BrowserRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${host}:${port}${path}`, ['mqtt'], { headers });
    socket.on('open', () => {
      resolve(101);
      socket.terminate();
    });
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  });
}
