import type { Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';

/**
 * The protocol between the bench and the processes of measured clients. Each line is one JSON object, and the process sends
 * one answer for each command.
 * Times are milliseconds of the system's monotonic clock, which all processes of a machine share.
 */
const place = z.object({ id: z.string(), host: z.string(), port: z.int() });
export type Place = Decoded<typeof place>;

const openCommand = z.object({
  type: z.literal('open'),
  /** Part of every client id and topic, so that rounds do not share sessions or messages. */
  label: z.string(),
  /** Servers, in the order in which a client tries them. The first server will fail. */
  servers: z.array(place),
  /** The address of a TCP proxy that leads to a living member, for clients with one address; null without a proxy. */
  address: place.nullable(),
  /** Messages a second of each publisher. */
  rate: z.number(),
});
export type OpenCommand = Decoded<typeof openCommand>;

export const commandSchema = z.discriminatedUnion('type', [
  openCommand,
  z.object({ type: z.literal('look') }),
  /** The publishers stop publishing. */
  z.object({ type: z.literal('rest') }),
  z.object({ type: z.literal('tally') }),
  z.object({ type: z.literal('close') }),
]);
export type Command = Decoded<typeof commandSchema>;

/** Times of acknowledgements or received messages, by series: a client and its role ({@link seriesName}). */
const events = z.record(z.string(), z.array(z.number()));
export type Events = Readonly<Record<string, readonly number[]>>;

const tally = z.object({
  /** How many messages each publisher has published, from 0 on, by client. */
  sent: z.record(z.string(), z.int()),
  /** Numbers of the messages that each subscriber has received, in this order, by series. */
  received: z.record(z.string(), z.array(z.int())),
});
/** What the clients of a round have published and received. */
export type Tally = Decoded<typeof tally>;

export const answerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('opened') }),
  /** The events since the last command `look`. */
  z.object({ type: z.literal('events'), events }),
  z.object({ type: z.literal('rested') }),
  z.object({ type: z.literal('tally'), ...tally.shape }),
  z.object({ type: z.literal('closed') }),
  z.object({ type: z.literal('error'), message: z.string() }),
]);
export type Answer = Decoded<typeof answerSchema>;

export type Role = 'publisher' | 'subscriber QoS 1' | 'subscriber QoS 0';

export function seriesName(client: string, role: Role): string {
  return `${client}: ${role}`;
}

/** Returns the topic of the messages for the measured subscribers, by QoS. */
export function feedTopic(label: string, qos: 0 | 1): string {
  return `failover/${label}/feed/${qos}`;
}

/** The publisher of the messages for the measured subscribers. The number of a message is its payload; its QoS is 0 for an
 * even number and 1 for an odd one. */
export const feederName = 'publisher at another member';
/** The subscriber of the messages of the measured publishers, at a member that does not fail. */
export const witnessName = 'witness';

/** Returns the name of the messages of a client that the witness has received. */
export function witnessed(client: string): string {
  return `${witnessName}: ${client}`;
}

/** Returns the topic to which a measured publisher publishes. Only the witness subscribes to it. */
export function ownTopic(label: string, client: string): string {
  return `failover/${label}/own/${client}`;
}

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Expiry of the clients' sessions. It is short, so that the sessions of a round expire soon after the round. */
export const sessionExpirySeconds = 60;
/**
 * Keep-alive of clients that detect a silent server only by the keep-alive. It is the shortest that their libraries
 * support well.
 */
export const keepaliveSeconds = 2;
/** How long all clients of a round may take to connect. */
export const openMsMax = 15_000;
