import { z } from 'zod';
import { count } from './schema.ts';
import type { Decoded } from './schema.ts';

/** Topics between members; no client may publish or subscribe to them. */
export const bridgeTopicPrefix = '$bridge/';
export const bridgeTopics = { raft: '$bridge/raft', log: '$bridge/log', live: '$bridge/live' } as const;

/**
 * Operators' commands to the member they are connected to, `$cluster/admin/<command>` with JSON as parameters: only for a
 * client that has shown the admin token. What came of it is told on {@link adminAnswerTopic}.
 */
export const adminTopicPrefix = '$cluster/admin/';

/** JSON: `command`, `code` (as HTTP has it) and what was found; to clients of that member only, not retained. */
export function adminAnswerTopic(member: string): string {
  return `$SYS/cluster/admin/${member}`;
}

/** Retained JSON array of {@link MemberAdvertisement}, the same on every member up to delay. */
export const membersTopic = '$SYS/cluster/members';

/** One member as clients see it when they choose where to connect. */
const memberAdvertisementSchema = z.object({
  id: z.string(),
  urls: z.array(z.string()),
  state: z.enum(['joining', 'serving', 'draining', 'isolated', 'unreachable']),
  /** Connected clients. */
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

/** (group, signal, qos, number) identifies a message. */
export const telemetryPayloadSchema = z.object({
  group: z.string(),
  signal: z.string(),
  /** Rises by one from 1. */
  number: z.int().min(1),
  /** Wall-clock milliseconds at the publisher, for latency on one host or with synchronised clocks. */
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
  /** Wall-clock milliseconds of the last change, for display. */
  since: z.number().optional(),
});

export type GroupState = Decoded<typeof groupStateSchema>;
