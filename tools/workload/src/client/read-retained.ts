import { ask } from './short-connection.ts';
import type { Visit } from './short-connection.ts';
import { messageOf } from './payload.ts';
import type { Server, Wire } from './mqtt-connection.ts';

/** Retained messages come at once after SUBACK; a pause of this length ends a look. */
const pauseMs = 500;
const lookMsMax = 8_000;

export type Retained = readonly (readonly [topic: string, message: number])[];

/**
 * What a new subscriber gets as retained from one server: topic and message. Null: it could not be asked in time.
 * @param clean if not, somebody must forget the session
 */
export async function lookAtRetained(
  server: Server,
  clientId: string,
  filter: string,
  clean = true,
): Promise<Retained | null> {
  const found = new Map<string, number>();
  let subscribed = false;
  let pause: NodeJS.Timeout | null = null;
  const visit = (wire: () => Wire, finish: (answer: Retained) => void): Visit => ({
    onConnected: () =>
      wire().send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] }),
    onPacket: (packet) => {
      if (packet.cmd === 'suback') subscribed = true;
      if (packet.cmd === 'publish' && packet.retain) found.set(packet.topic, messageOf(packet.payload));
      if (packet.cmd !== 'suback' && packet.cmd !== 'publish') return;
      if (pause !== null) clearTimeout(pause);
      pause = setTimeout(() => {
        // Messages may come before SUBACK [MQTT-3.8.4-2]: only after both is it over.
        if (subscribed) finish([...found].sort());
      }, pauseMs);
    },
  });
  return ask(server, clientId, lookMsMax, visit, clean);
}
