import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { MemberPlace } from '../layout.ts';
import { sendProblem } from './answers.ts';

/** Time within which a member must begin its answer. A member waits at most 2 s for other members. */
const answerMsMax = 4_000;
const bodyBytesMax = 1024 * 1024;
/** Bytes of the answer that the proxy changes. */
const meBytesMax = 64 * 1024;
const mePath = '/api/v1/me';
const webSocketsMax = 50;

/**
 * Headers that the proxy does not pass on: those of one connection, and those that describe the page. The proxy has checked
 * the origin of the page; a member would compare it with its own address.
 */
const ownHeaders = new Set([
  ...[
    'connection',
    'keep-alive',
    'transfer-encoding',
    'upgrade',
    'te',
    'trailer',
    'expect',
    'content-length',
  ],
  ...['host', 'origin', 'referer'],
]);

export interface MemberProxyOptions {
  readonly members: readonly MemberPlace[];
  /** Returns whether the process of a member runs and is not paused. */
  readonly isRunning: (member: MemberPlace) => boolean;
}

/**
 * Forwards requests for `/api/` and the WebSocket at `/mqtt` to a member that runs. It keeps to one member, because a session
 * of the console counts at the member that gave it. When this member ends, requests go to another one.
 */
export class MemberProxy {
  readonly #options: MemberProxyOptions;
  #preferred: MemberPlace | null = null;
  readonly #webSockets = new Set<Duplex>();

  constructor(options: MemberProxyOptions) {
    this.#options = options;
  }

  /** Answers a request with the answer of a member. */
  async forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (body === null) return sendProblem(response, 413, `the body exceeds ${bodyBytesMax} bytes`);
    const isRead = incoming.method === 'GET' || incoming.method === 'HEAD';
    for (const member of this.#candidates()) {
      const outcome = await ask(member, incoming, response, body);
      if (outcome === 'answered') {
        this.#preferred = member;
        return;
      }
      // A member that has received a change may have made it, so the request is not sent again.
      if (outcome === 'silent' && !isRead) {
        return sendProblem(response, 504, `${member.id} did not answer, and may have made the change`);
      }
    }
    sendProblem(response, 503, 'no member of the lab answers: start one (fault "start")');
  }

  /** Connects a WebSocket to a member. */
  connect(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [member] = this.#candidates();
    socket.on('error', () => undefined);
    if (member === undefined || this.#webSockets.size >= webSocketsMax) {
      return void socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
      );
    }
    const { host, httpPort } = member;
    const upstream = connect({ host, port: httpPort, noDelay: true });
    this.#webSockets.add(socket);
    const end = (): void => {
      this.#webSockets.delete(socket);
      socket.destroy();
      upstream.destroy();
    };
    for (const side of [socket, upstream]) side.once('close', end);
    upstream.on('error', end);
    const headers = { ...forwardedHeaders(incoming.headers), connection: 'Upgrade', upgrade: 'websocket' };
    const lines = Object.entries({ ...headers, host: `${host}:${httpPort}` }).flatMap(([name, value]) =>
      [value ?? []].flat().map((each) => `${name}: ${each}\r\n`),
    );
    upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  }

  /** Closes all WebSockets. */
  close(): void {
    for (const socket of this.#webSockets) socket.destroy();
  }

  /** Returns the members whose processes run, the one of the last answer first. */
  #candidates(): MemberPlace[] {
    const { members, isRunning } = this.#options;
    const running = members.filter(isRunning);
    const preferred = running.find((member) => member === this.#preferred);
    return preferred === undefined
      ? running
      : [preferred, ...running.filter((member) => member !== preferred)];
  }
}

/** `refused`: the member has not received the request. `silent`: it may have. */
type Outcome = 'answered' | 'refused' | 'silent';

function ask(
  { host, httpPort }: MemberPlace,
  incoming: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<Outcome> {
  const { method = 'GET', url = '/' } = incoming;
  const isMe = url.split('?')[0] === mePath && method === 'GET';
  const headers = {
    ...forwardedHeaders(incoming.headers),
    host: `${host}:${httpPort}`,
    ...(body.length > 0 && { 'content-length': String(body.length) }),
    ...(isMe && { 'accept-encoding': 'identity' }),
  };
  return new Promise((resolve) => {
    const outgoing = httpRequest({ host, port: httpPort, path: url, method, headers, agent: false });
    let isSent = false;
    const timer = setTimeout(() => outgoing.destroy(), answerMsMax);
    outgoing.once('socket', (socket) => socket.once('connect', () => (isSent = true)));
    outgoing.once('response', (answer) => {
      clearTimeout(timer);
      resolve('answered');
      if (isMe && answer.statusCode === 200) void sendMe(answer, response);
      else pass(answer, response);
    });
    // A page that leaves ends the request at the member, too.
    response.once('close', () => outgoing.destroy());
    outgoing.once('error', () => undefined);
    outgoing.once('close', () => {
      clearTimeout(timer);
      resolve(isSent ? 'silent' : 'refused');
    });
    outgoing.end(body);
  });
}

function pass(answer: IncomingMessage, response: ServerResponse): void {
  const headers = without(answer.headers, ['connection', 'keep-alive']);
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
  answer.pipe(response);
  // The member ended in the middle of its answer: the page must not take the part for the whole.
  answer.once('close', () => {
    if (!answer.complete) response.destroy();
  });
  answer.once('error', () => response.destroy());
}

/** Passes the answer of `/api/v1/me` on, with the mark that the page comes from the lab. */
async function sendMe(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const text = (await bytesOf(answer, meBytesMax))?.toString('utf8') ?? '';
    const me: unknown = JSON.parse(text);
    const headers = without(answer.headers, ['connection', 'content-length', 'transfer-encoding']);
    response.writeHead(200, headers);
    response.end(JSON.stringify(typeof me === 'object' ? { ...me, lab: true } : me));
  } catch {
    if (response.headersSent) response.destroy();
    else sendProblem(response, 502, 'the member sent no valid answer');
  }
}

function forwardedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !ownHeaders.has(name) && !name.startsWith('sec-fetch-')),
  );
}

function without(headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

/** Returns null for a body that is too large. */
function bodyOf(incoming: IncomingMessage): Promise<Buffer | null> {
  return bytesOf(incoming, bodyBytesMax);
}

async function bytesOf(stream: IncomingMessage, most: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
