import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isAllowedOrigin } from './origin-check.ts';
import { refuseUpgrade, WebSocketUpgrader } from './websocket-upgrader.ts';
import type { Upgrade } from './websocket-upgrader.ts';

const headerBytesMax = 8 * 1024;

export interface WebSocketServerOptions {
  readonly path: string;
  readonly origins: readonly string[];
  /** Bytes of one WebSocket message. */
  readonly messageBytesMax: number;
}

/** The HTTP server of a listener, which answers requests for a WebSocket. It does not listen itself. */
export class WebSocketServer {
  readonly #options: WebSocketServerOptions;
  readonly #http: Server;
  readonly #upgrader: WebSocketUpgrader;
  readonly #upgrades = new WeakMap<object, Upgrade>();

  constructor(options: WebSocketServerOptions) {
    this.#options = options;
    this.#upgrader = new WebSocketUpgrader(options.messageBytesMax);
    this.#http = createServer({ maxHeaderSize: headerBytesMax, keepAlive: false });
    this.#http.on('request', (request, response) => this.#onRequest(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refuse(socket, 400, `HTTP: ${error.code ?? error.message}`);
    });
  }

  /** Handles the HTTP request on a socket. */
  accept(socket: Duplex, upgrade: Upgrade): void {
    this.#upgrades.set(socket, upgrade);
    this.#http.emit('connection', socket);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const fault = this.#faultOf(request);
    if (fault !== null) return this.#refuse(socket, fault.status, fault.reason);
    const upgrade = this.#upgrades.get(socket);
    if (upgrade === undefined) return void socket.destroy();
    this.#upgrader.upgrade(request, socket, head, upgrade);
  }

  #faultOf({ url = '', headers }: IncomingMessage): { status: number; reason: string } | null {
    const { path, origins } = this.#options;
    if (url.split('?')[0] !== path) return { status: 404, reason: 'HTTP: request for another path' };
    if (!isAllowedOrigin(headers, origins)) return { status: 403, reason: 'HTTP: origin not permitted' };
    return null;
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const known = request.url?.split('?')[0] === this.#options.path;
    const status = known ? 426 : 404;
    const text = known ? 'This address serves MQTT over WebSocket only.\n' : 'not found\n';
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      connection: 'close',
      ...(known && { upgrade: 'websocket' }),
    });
    response.end(text);
    const { socket } = request;
    response.once('finish', () => socket.destroySoon());
    this.#upgrades.get(socket)?.onRefused('HTTP: no WebSocket request');
  }

  #refuse(socket: Duplex, status: number, reason: string): void {
    refuseUpgrade(socket, status);
    this.#upgrades.get(socket)?.onRefused(reason);
  }
}
