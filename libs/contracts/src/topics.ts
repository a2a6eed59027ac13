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

/** One member as clients see it, to choose where to connect. */
export interface MemberAdvertisement {
  readonly id: string;
  readonly urls: readonly string[];
  readonly state: 'joining' | 'serving' | 'draining' | 'isolated' | 'unreachable';
  readonly clients: number;
  /** 0 idle to 1 overloaded. */
  readonly load: number;
}

/**
 * Telemetry topic: `telemetry/<group>/<signal>/qos<N>`. The payload is JSON {@link TelemetryPayload}.
 * State of a group: retained on `groups/<group>/state`.
 */
export function telemetryTopic(group: string, signal: string, qos: 0 | 1 | 2): string {
  return `telemetry/${group}/${signal}/qos${qos}`;
}

export function groupStateTopic(group: string): string {
  return `groups/${group}/state`;
}

/** (group, signal, qos, number) identifies a message; numbers rise by one from 1. */
export interface TelemetryPayload {
  readonly group: string;
  readonly signal: string;
  readonly number: number;
  /** Wall-clock milliseconds at the publisher, for latency on one host or with synchronised clocks. */
  readonly sentAt: number;
  readonly value: number;
  /** Which run of the publisher: changes when its numbers start again from 1. */
  readonly run: string;
}
