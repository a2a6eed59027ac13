import type { Packet } from 'mqtt-packet';
import { MqttConnection } from './connection.ts';
import type { ServerAddress } from './connection.ts';

/** Seconds; far longer than any exchange. */
const keepAliveSeconds = 10;

export interface ExchangeOptions {
  readonly server: ServerAddress;
  readonly clientId: string;
  readonly timeoutMs: number;
  /** Clean session; true by default. The caller must end a session that is not clean. */
  readonly clean?: boolean;
}

/** How the client of an exchange reacts. */
export interface ExchangeHandlers {
  onConnected(): void;
  onPacket(packet: Packet): void;
}

/**
 * Opens a short MQTT 3.1.1 connection, lets the handlers send and receive, and disconnects.
 *
 * @param makeHandlers gets the function that sends a packet and the one that ends the exchange with a result
 * @returns the result, or null when the time is over or the connection ended before there was one
 */
export function exchange<Result>(
  { server, clientId, timeoutMs, clean = true }: ExchangeOptions,
  makeHandlers: (send: (packet: Packet) => void, finish: (result: Result) => void) => ExchangeHandlers,
): Promise<Result | null> {
  return new Promise((resolve) => {
    const finish = (result: Result | null): void => {
      clearTimeout(timer);
      connection.disconnect();
      resolve(result);
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    const { onConnected, onPacket } = makeHandlers((packet) => connection.send(packet), finish);
    const connection: MqttConnection = new MqttConnection({
      server,
      version: 4,
      makeConnect: () => ({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean,
        keepalive: keepAliveSeconds,
      }),
      handlers: { onConnected, onPacket, onEnded: () => finish(null) },
    });
  });
}

/** Publishes one QoS 1 message of no content. Returns whether the server acknowledged it in time. */
export async function acknowledgesPublish(options: ExchangeOptions, topic: string): Promise<boolean> {
  const acknowledged = await exchange<true>(options, (send, finish) => ({
    onConnected: () =>
      send({ cmd: 'publish', topic, qos: 1, retain: false, dup: false, payload: '', messageId: 1 }),
    onPacket: ({ cmd }) => {
      if (cmd === 'puback') finish(true);
    },
  }));
  return acknowledged ?? false;
}
