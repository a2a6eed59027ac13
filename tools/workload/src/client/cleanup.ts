import { exchange } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';

const timeoutMs = 5_000;

/**
 * Ends a persistent session by opening a clean one with the same client id [MQTT-3.1.2-6].
 * @returns whether the server accepted the clean session in time
 */
export async function discardSession(server: ServerAddress, clientId: string): Promise<boolean> {
  const done = await exchange<true>({ server, clientId, timeoutMs }, (_send, finish) => ({
    onConnected: () => finish(true),
    onPacket: () => undefined,
  }));
  return done ?? false;
}

/** Clears the retained messages of the given topics. @returns whether the server acknowledged all of them in time */
export async function clearRetained(
  server: ServerAddress,
  clientId: string,
  topics: readonly string[],
): Promise<boolean> {
  let left = topics.length;
  if (left === 0) return true;
  const done = await exchange<true>({ server, clientId, timeoutMs }, (send, finish) => ({
    onConnected: () =>
      topics.forEach((topic, index) => {
        const messageId = index + 1;
        send({
          cmd: 'publish',
          topic,
          qos: 1,
          retain: true,
          dup: false,
          payload: '',
          messageId,
        });
      }),
    onPacket: ({ cmd }) => {
      if (cmd === 'puback' && --left === 0) finish(true);
    },
  }));
  return done ?? false;
}
