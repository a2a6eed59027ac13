import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer as Upgrader } from 'ws';
import { isAllowedOrigin } from './origin-check.ts';
import { WebSocketStream } from './websocket-stream.ts';

/**
 * Subprotocols in the order of preference. `mqttv3.1` is the name that clients of MQTT 3.1 use; Mosquitto accepts it
 * too.
 */
const subprotocols = ['mqtt', 'mqttv3.1'] as const;
const headerBytesMax = 8 * 1024;

export interface WebSocketServerOptions {
  readonly path: string;
  readonly origins: readonly string[];
  /** Bytes of one WebSocket message. */
  readonly messageBytesMax: number;
}

export interface Upgrade {
  onOpen(stream: Duplex): void;
  /** The request was answered with an error. */
  onRefused(reason: string): void;
}

/** The HTTP server of a listener, which answers requests for a WebSocket. It does not listen itself. */
export class WebSocketServer {
  readonly #options: WebSocketServerOptions;
  readonly #http: Server;
  readonly #upgrader: Upgrader;
  readonly #upgrades = new WeakMap<object, Upgrade>();

  constructor(options: WebSocketServerOptions) {
    this.#options = options;
    this.#upgrader = new Upgrader({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: options.messageBytesMax,
      handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
    });
    // Faults of the request that the library finds, such as an unknown version.
    this.#upgrader.on('wsClientError', (error, socket) =>
      this.#refuse(socket, 400, `HTTP: ${error.message}`),
    );
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
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      upgrade?.onOpen(new WebSocketStream(webSocket));
    });
  }

  #faultOf({ url = '', headers }: IncomingMessage): { status: number; reason: string } | null {
    const { path, origins } = this.#options;
    if (url.split('?')[0] !== path) return { status: 404, reason: 'HTTP: request for another path' };
    if (!isAllowedOrigin(headers, origins)) return { status: 403, reason: 'HTTP: origin not permitted' };
    const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    // [MQTT-6.0.0-3]
    if (!subprotocols.some((name) => offered.includes(name)))
      return { status: 400, reason: 'HTTP: WebSocket without the subprotocol mqtt' };
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
    socket.on('error', () => undefined);
    if (socket.writable)
      socket.end(
        `HTTP/1.1 ${status} ${statusTexts[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
    else socket.destroy();
    this.#upgrades.get(socket)?.onRefused(reason);
  }
}

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
};
