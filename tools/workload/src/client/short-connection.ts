import type { Packet } from 'mqtt-packet';
import { MqttConnection } from './mqtt-connection.ts';
import type { Server } from './mqtt-connection.ts';

/** What a short connection does when the server accepts it, and with each packet that it receives. */
export interface ShortConnectionHandlers {
  onConnected(): void;
  onPacket(packet: Packet): void;
}

/**
 * Opens an MQTT 3.1.1 connection that is not recorded in the history, and closes it when `finish` is called.
 *
 * @param makeHandlers `connection()` returns the connection once it is open; `finish` sets the result
 * @param clean False: the session outlives the connection; the caller must discard it with `discardSession`.
 * @returns the result that `finish` was given; null after `msMax`, or if the connection ended before
 */
export function withShortConnection<T>(
  server: Server,
  clientId: string,
  msMax: number,
  makeHandlers: (connection: () => MqttConnection, finish: (result: T) => void) => ShortConnectionHandlers,
  clean = true,
): Promise<T | null> {
  return new Promise((resolve) => {
    const finish = (result: T | null): void => {
      clearTimeout(timeout);
      connection.disconnect();
      resolve(result);
    };
    const timeout = setTimeout(() => finish(null), msMax);
    const makeConnect = () =>
      ({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean,
        keepalive: 10,
      }) as const;
    const { onConnected, onPacket } = makeHandlers(() => connection, finish);
    const connection: MqttConnection = new MqttConnection(server, 4, makeConnect, {
      onConnected,
      onPacket,
      onEnded: () => finish(null),
    });
  });
}
