import { z } from 'zod';
import { count } from './schema.ts';
import type { Decoded } from './schema.ts';

/** Prefix of the topics between members. Clients may neither publish nor subscribe to these topics. */
export const bridgeTopicPrefix = '$bridge/';
/** The topic of each channel of the bridge. */
export const bridgeTopics = { raft: '$bridge/raft', log: '$bridge/log', live: '$bridge/live' } as const;

/**
 * Prefix of the topics of admin commands: `$cluster/admin/<command>` with JSON parameters. Only a client that
 * authenticated with the admin token may publish them. The member that the client is connected to runs the
 * command and publishes the result on {@link adminAnswerTopic}.
 */
export const adminTopicPrefix = '$cluster/admin/';

/**
 * Topic of the results of admin commands. The payload is JSON: `command`, `code` (an HTTP status code) and
 * the result. The member publishes it to its own clients only, without RETAIN.
 */
export function adminAnswerTopic(member: string): string {
  return `$SYS/cluster/admin/${member}`;
}

/**
 * Topic of the retained JSON array of {@link MemberAdvertisement}. Every member publishes the same array,
 * with some delay.
 */
export const membersTopic = '$SYS/cluster/members';

/** One member in the member list, by which clients choose a server. */
const memberAdvertisementSchema = z.object({
  id: z.string(),
  urls: z.array(z.string()),
  state: z.enum(['joining', 'serving', 'draining', 'isolated', 'unreachable']),
  /** Number of connected clients. */
  clients: count.default(0),
  /** 0 (idle) to 1 (overloaded). */
  load: z.number().default(0),
});

export const memberAdvertisementsSchema = z.array(memberAdvertisementSchema);

export type MemberAdvertisement = Decoded<typeof memberAdvertisementSchema>;

/** Topic of one telemetry stream. The payload is JSON {@link TelemetryPayload}. */
export function telemetryTopic(group: string, signal: string, qos: 0 | 1 | 2): string {
  return `telemetry/${group}/${signal}/qos${qos}`;
}

/** Payload of a telemetry message. (group, signal, qos, number) identifies the message. */
export const telemetryPayloadSchema = z.object({
  group: z.string(),
  signal: z.string(),
  /** Starts at 1 and rises by one for each message. */
  number: z.int().min(1),
  /**
   * Wall clock of the publisher in ms. Gives the latency on one host, or between hosts with synchronised
   * clocks.
   */
  sentAt: z.number(),
  value: z.number(),
  /** Identifies one run of the publisher. A new run starts its numbers from 1. */
  run: z.string(),
});

export type TelemetryPayload = Decoded<typeof telemetryPayloadSchema>;

/** Topic of the retained JSON {@link GroupState} of a group of publishers. */
export function groupStateTopic(group: string): string {
  return `groups/${group}/state`;
}

export const groupStateSchema = z.object({
  /** Instance name of the active publisher; null when no publisher is active. */
  active: z.string().nullable(),
  /** Wall clock of the last change in ms, for display. */
  since: z.number().optional(),
});

export type GroupState = Decoded<typeof groupStateSchema>;
