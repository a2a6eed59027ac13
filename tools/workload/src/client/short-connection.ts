import type { Packet } from 'mqtt-packet';
import { Wire } from './mqtt-connection.ts';
import type { Server } from './mqtt-connection.ts';

/** What a short visit does. */
export interface Visit {
  onConnected(): void;
  onPacket(packet: Packet): void;
}

/**
 * A short MQTT 3.1.1 connection that nobody records; its session is forgotten with it if it is a clean one. @returns what `finish` was given, or null when the time was up or
 * the connection ended before.
 */
export function ask<T>(
  server: Server,
  clientId: string,
  msMax: number,
  visit: (wire: () => Wire, finish: (answer: T) => void) => Visit,
  clean = true,
): Promise<T | null> {
  return new Promise((resolve) => {
    const finish = (answer: T | null): void => {
      clearTimeout(limit);
      wire.disconnect();
      resolve(answer);
    };
    const limit = setTimeout(() => finish(null), msMax);
    const makeConnect = () =>
      ({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean,
        keepalive: 10,
      }) as const;
    const { onConnected, onPacket } = visit(() => wire, finish);
    const wire: Wire = new Wire(server, 4, makeConnect, {
      onConnected,
      onPacket,
      onEnded: () => finish(null),
    });
  });
}
