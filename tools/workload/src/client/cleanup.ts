import { ask } from './short-connection.ts';
import type { Server } from './mqtt-connection.ts';

const forgetMsMax = 5_000;

/** Ends a session by opening a clean one in its place [MQTT-3.1.2-6]. True when the server said so. */
export async function forgetSession(server: Server, clientId: string): Promise<boolean> {
  const done = await ask<true>(server, clientId, forgetMsMax, (_wire, finish) => ({
    onConnected: () => finish(true),
    onPacket: () => undefined,
  }));
  return done ?? false;
}

/** Clears retained messages. True when all were acknowledged. */
export async function clearRetained(
  server: Server,
  clientId: string,
  topics: readonly string[],
): Promise<boolean> {
  let left = topics.length;
  if (left === 0) return true;
  const done = await ask<true>(server, clientId, forgetMsMax, (wire, finish) => ({
    onConnected: () =>
      topics.forEach((topic, index) => {
        const messageId = index + 1;
        wire().send({ cmd: 'publish', topic, qos: 1, retain: true, dup: false, payload: '', messageId });
      }),
    onPacket: ({ cmd }) => {
      if (cmd === 'puback' && --left === 0) finish(true);
    },
  }));
  return done ?? false;
}
