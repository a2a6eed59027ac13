import type { Packet } from 'mqtt-packet';
import { MqttConnection } from './connection.ts';
import type { ServerAddress } from './connection.ts';

/** Keep alive of the connection. It is far longer than any exchange, so the client sends no pings. */
const keepAliveSeconds = 10;

export interface ExchangeOptions {
  readonly server: ServerAddress;
  readonly clientId: string;
  readonly timeoutMs: number;
  /** Clean Session flag of the CONNECT; true by default. With false the caller must end the session later. */
  readonly clean?: boolean;
}

/** Callbacks of an exchange. */
export interface ExchangeHandlers {
  onConnected(): void;
  onPacket(packet: Packet): void;
}

/**
 * Opens a short MQTT 3.1.1 connection, lets the handlers send and receive, and disconnects.
 *
 * @param makeHandlers receives two functions: one sends a packet, the other ends the exchange with a result
 * @returns the result, or null when the timeout or the end of the connection came before the result
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

/** Publishes one QoS 1 message with an empty payload. Returns whether the server acknowledged it in time. */
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
