import { setTimeout as delay } from 'node:timers/promises';
import { connect, connectAsync } from 'mqtt';
import type { IClientOptions } from 'mqtt';
import { password, users } from '../attacker/credentials.ts';

export const victimClientId = 'absent-victim';
const topic = 'victim/messages';
const messages = 20;
const arrivalMsMax = 10_000;
const pollMs = 50;

interface Endpoint {
  readonly host: string;
  readonly mqttPort: number;
}

function urlOf({ host, mqttPort }: Endpoint): string {
  return `mqtt://${host}:${mqttPort}`;
}

function options(clientId: string): IClientOptions {
  return {
    clientId,
    clean: false,
    username: users.witness,
    password,
    reconnectPeriod: 200,
    // Without this option, MQTT.js never connects again after a refusal, for example by an overloaded member.
    reconnectOnConnackError: true,
  };
}

/** Leaves an absent session with acknowledged messages in its queue. */
export async function leaveVictim(member: Endpoint): Promise<void> {
  const client = await connectAsync(urlOf(member), options(victimClientId));
  await client.subscribeAsync(topic, { qos: 1 });
  await client.endAsync();
  const publisher = await connectAsync(urlOf(member), options('victim-publisher'));
  for (let number = 0; number < messages; number++)
    await publisher.publishAsync(topic, String(number), { qos: 1 });
  await publisher.endAsync();
}

/** Connects as the victim again. Returns how many of its acknowledged messages it does not receive. */
export async function countLostOfVictim(member: Endpoint): Promise<number> {
  const received = new Set<string>();
  // The server sends the queue right after CONNACK, so the listener exists before the connection.
  const client = connect(urlOf(member), options(victimClientId));
  client.on('error', () => undefined);
  client.on('message', (_topic, payload) => received.add(payload.toString()));
  const untilMs = performance.now() + arrivalMsMax;
  while (received.size < messages && performance.now() < untilMs) await delay(pollMs);
  await client.endAsync(true);
  return messages - received.size;
}
