import { exchange } from '@mqtt-cluster/kit';
import type { ExchangeHandlers, ServerAddress } from '@mqtt-cluster/kit';
import type { Packet } from 'mqtt-packet';
import { messageIdOf } from './payload.ts';

/**
 * Time without a packet after which all retained messages have arrived, ms. Servers send the retained
 * messages directly after SUBACK.
 */
const pauseMs = 500;
const timeoutMs = 8_000;

export type RetainedMessages = readonly (readonly [topic: string, message: number])[];

/**
 * Subscribes with a new client and collects the retained messages that one server sends to it.
 *
 * @param clean whether the session ends with the connection; the caller must discard a session that does not
 * @returns topics and message ids, sorted by topic; null when the server did not answer in time
 */
export async function readRetained(
  server: ServerAddress,
  clientId: string,
  filter: string,
  clean = true,
): Promise<RetainedMessages | null> {
  const found = new Map<string, number>();
  let subscribed = false;
  let pause: NodeJS.Timeout | null = null;
  const makeHandlers = (
    send: (packet: Packet) => void,
    finish: (result: RetainedMessages) => void,
  ): ExchangeHandlers => ({
    onConnected: () => send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] }),
    onPacket: (packet) => {
      if (packet.cmd === 'suback') subscribed = true;
      if (packet.cmd === 'publish' && packet.retain) found.set(packet.topic, messageIdOf(packet.payload));
      if (packet.cmd !== 'suback' && packet.cmd !== 'publish') return;
      if (pause !== null) clearTimeout(pause);
      pause = setTimeout(() => {
        // The server may send messages before SUBACK (MQTT 3.1.1, 3.8.4), so only a pause after SUBACK ends the
        // collection.
        if (subscribed) finish([...found].sort());
      }, pauseMs);
    },
  });
  return exchange({ server, clientId, timeoutMs, clean }, makeHandlers);
}
