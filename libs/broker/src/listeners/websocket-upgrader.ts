import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { WebSocketStream } from './websocket-stream.ts';

/**
 * Subprotocols in the order of preference. `mqttv3.1` is the name that clients of MQTT 3.1 use; Mosquitto accepts it
 * too.
 */
const subprotocols = ['mqtt', 'mqttv3.1'] as const;

const statusTexts: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
};

export interface Upgrade {
  onOpen(stream: Duplex): void;
  /** The request was answered with an error. */
  onRefused(reason: string): void;
}

/** Turns the connection of an HTTP request into a stream of MQTT packets over WebSocket. */
export class WebSocketUpgrader {
  readonly #upgrader: WebSocketServer;
  readonly #upgrades = new WeakMap<object, Upgrade>();

  /** @param messageBytesMax bytes of one WebSocket message */
  constructor(messageBytesMax: number) {
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: messageBytesMax,
      handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
    });
    // Faults of the request that the library finds, such as an unknown version.
    this.#upgrader.on('wsClientError', (error, socket) => {
      refuseUpgrade(socket, 400);
      this.#upgrades.get(socket)?.onRefused(`HTTP: ${error.message}`);
    });
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, upgrade: Upgrade): void {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    // [MQTT-6.0.0-3]
    if (!subprotocols.some((name) => offered.includes(name))) {
      refuseUpgrade(socket, 400);
      return upgrade.onRefused('HTTP: WebSocket without the subprotocol mqtt');
    }
    this.#upgrades.set(socket, upgrade);
    this.#upgrader.handleUpgrade(request, socket, head, (webSocket) => {
      upgrade.onOpen(new WebSocketStream(webSocket));
    });
  }
}

/** Answers a request on a socket with an error, and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  socket.on('error', () => undefined);
  if (socket.writable)
    socket.end(`HTTP/1.1 ${status} ${statusTexts[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  else socket.destroy();
}
