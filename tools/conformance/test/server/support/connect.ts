import { noProperties, text } from './bytes.ts';
import type { Client, Level } from './client.ts';
import type { Server } from './server.ts';

/** Connect flags. */
export const flags = {
  clean: 0x02,
  will: 0x04,
  willQos1: 0x08,
  willQos2: 0x10,
  willRetain: 0x20,
  password: 0x40,
  user: 0x80,
};

/** Reason codes of CONNACK in the table of MQTT 5.0. */
const connackReasonCodes = [
  0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
  0x9b, 0x9c, 0x9d, 0x9f,
];

/**
 * Sends the bytes as the first ones of a connection, and returns the client after the server has closed it. Expects no
 * CONNACK, or in MQTT 5.0 one with a listed reason code of failure.
 */
export async function expectRefused(
  server: Server,
  level: Level,
  ...bytes: (readonly number[])[]
): Promise<Client> {
  const client = await server.open(level);
  client.write(...bytes);
  await client.closed;
  expect(client.packets.length).toBeLessThanOrEqual(level === 5 ? 1 : 0);
  for (const connack of client.received('connack')) {
    expect(connack.reasonCode).toBeGreaterThanOrEqual(0x80);
    expect(connackReasonCodes).toContain(connack.reasonCode);
    expect(connack.sessionPresent).toBe(false);
  }
  return client;
}

/** Will properties, will topic and will payload. */
export function willFields(level: Level, topic: string | readonly number[] = 'w', payload = 'p'): number[] {
  return [...noProperties(level), ...text(topic), ...text(payload)];
}
