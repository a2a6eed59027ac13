import { z } from 'zod';
import type { Decoded } from './schema.ts';

const mebibyte = 1024 * 1024;
const bound = z.int().min(1);

/**
 * The settings that affect how a member applies an entry. The settings are part of the log, so that all
 * members drop and reject the same messages. Each field declares its bounds, its default and its meaning here
 * and nowhere else. The order of the numeric fields is not the order of their codes in a `settings` command
 * (`libs/mqtt-state`).
 */
export const clusterSettingsSchema = z.strictObject({
  /** Messages that an offline session may queue. Raising it costs memory on every member. */
  queuedMessagesMax: bound.default(1_000),
  /** Payload and topic bytes that an offline session may queue. */
  queuedBytesMax: bound.default(16 * mebibyte),
  /**
   * Messages that a connected session may queue: these messages are about to be delivered. When the client
   * disconnects, the session keeps these messages even if they exceed the bounds of an offline session.
   */
  connectedQueuedMessagesMax: bound.default(20_000),
  /** Payload and topic bytes that a connected session may queue. */
  connectedQueuedBytesMax: bound.default(64 * mebibyte),
  /** What happens at the bound of a queue: the oldest message is dropped, or the publish is refused. */
  queueFull: z.enum(['drop-oldest', 'refuse']).default('drop-oldest'),
  /** Sessions in the cluster. Members reject an `open` command that would exceed this number. */
  sessionsMax: bound.default(100_000),
  /**
   * Queued bytes in the cluster (each body counts once). Members reject a publish that would exceed this
   * number.
   */
  clusterQueuedBytesMax: bound.default(256 * mebibyte),
  /** Unreleased QoS 2 packet ids per publishing client. */
  incomingMax: bound.max(65_535).default(100),
  /** Upper bound of Session Expiry Interval, seconds. */
  sessionExpirySecondsMax: bound.max(0xffffffff).default(0xffffffff),
  /**
   * Milliseconds that sessions of a restarted member wait for their clients before they count as
   * disconnected.
   */
  orphanGraceMs: z.int().min(0).max(600_000).default(2_000),
  /** Retained messages in the cluster. Members reject a new retained topic that would exceed this number. */
  retainedMax: bound.default(100_000),

  // Bounds in bytes of memory, from `accessSemantics` on. They count names, payloads, properties and a fixed
  // overhead for each object. Raising one costs this much memory on every member. Of each bound in total, one
  // user can hold at most nine tenths (docs/DESIGN.md, "Fair shares").

  /** Bytes of all queues, each message once. At the bound the largest queue loses its oldest messages. */
  clusterQueueMemoryMax: bound.default(384 * mebibyte),
  /**
   * Bytes that only the queues of connected sessions may use, beyond `clusterQueueMemoryMax` and
   * `clusterQueuedBytesMax`.
   */
  connectedQueueReserve: bound.default(64 * mebibyte),
  /** Bytes of the queues of one user, each message once, or of one client without a user. */
  userQueueMemoryMax: bound.default(256 * mebibyte),
  /** Bytes of all retained messages. */
  retainedBytesMax: bound.default(128 * mebibyte),
  /** Bytes of the retained messages that one user, or one client without a user, has published. */
  userRetainedBytesMax: bound.default(64 * mebibyte),
  /** Subscriptions of one session. */
  sessionSubscriptionsMax: bound.default(10_000),
  /** Bytes of the subscriptions of one session. */
  sessionSubscriptionBytesMax: bound.default(16 * mebibyte),
  /** Bytes of all replicated subscriptions. */
  subscriptionBytesMax: bound.default(192 * mebibyte),
  /** Bytes of the will of one connection. */
  sessionWillBytesMax: bound.default(mebibyte),
  /** Bytes of all wills. */
  willBytesMax: bound.default(32 * mebibyte),
  /** Sessions of one user. */
  userSessionsMax: bound.default(100_000),
});

export type ClusterSettings = Decoded<typeof clusterSettingsSchema>;

export const defaultSettings: ClusterSettings = clusterSettingsSchema.parse({});

/** A change of some settings; a setting that is absent keeps its value. */
export const settingsChangeSchema = z.strictObject(optional(clusterSettingsSchema.shape));

export type SettingsChange = Decoded<typeof settingsChangeSchema>;

type Optional<Shape> = {
  [Key in keyof Shape]: Shape[Key] extends z.ZodDefault<infer Inner extends z.ZodType>
    ? z.ZodExactOptional<Inner>
    : never;
};

/** Makes each field optional and removes its default. */
function optional<Shape extends Record<string, z.ZodDefault<z.ZodType>>>(shape: Shape): Optional<Shape> {
  const fields = Object.entries(shape).map(([name, field]) => [name, field.unwrap().exactOptional()]);
  return Object.fromEntries(fields) as Optional<Shape>;
}
