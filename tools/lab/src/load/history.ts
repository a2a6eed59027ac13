export type QoS = 0 | 1 | 2;

/** All times in milliseconds of one monotonic clock of this process. */
export interface SentMessage {
  readonly number: number;
  readonly sentAtMs: number;
  /** Number of the publisher's connection on which it was first sent. */
  readonly firstConnection: number;
  /** PUBACK or PUBREC; null while there is none, and for QoS 0. */
  ackedAtMs: number | null;
  ackConnection: number | null;
}

/** Where a client was from a moment on; null while it was connected nowhere. */
export interface Stay {
  readonly atMs: number;
  readonly member: string | null;
  /** Why it lost its connection; empty when it came to be connected. */
  readonly why: string;
}

/** What one publisher sent to one topic at one QoS, numbered from 1 without holes. */
export interface Stream {
  readonly id: string;
  readonly qos: QoS;
  readonly messages: SentMessage[];
  /** Not judged; for whoever looks into a verdict. */
  readonly stays: readonly Stay[];
}

export interface Delivery {
  readonly stream: string;
  readonly number: number;
  readonly atMs: number;
}

/** One session of a subscriber, from its SUBACK on. A persistent subscriber should have only one. */
export interface SubscriberSession {
  readonly subscribedAtMs: number;
  /** The session is over: nothing more is expected of it. */
  ended: boolean;
  readonly deliveries: Delivery[];
  /** By will topic: how often. */
  readonly wills: Map<string, number>;
}

export interface SubscriberHistory {
  readonly id: string;
  readonly persistent: boolean;
  /** The subscription's maximum QoS. */
  readonly qos: QoS;
  readonly sessions: SubscriberSession[];
  /** Not judged; for whoever looks into a verdict. */
  readonly stays: readonly Stay[];
}

/** What may happen to the will of one connection of a client. */
export interface WillHistory {
  readonly topic: string;
  /** `stayed`: its connection lasts, so none; but a member without a majority counts as dead for the others (design, 6). */
  expected: 'exactlyOne' | 'atMostOne' | 'none' | 'stayed';
  /** In words, for the verdict. */
  how: string;
}

/** The retained messages that one member serves in the end; topic to payload. */
export interface RetainedView {
  readonly member: string;
  readonly found: ReadonlyMap<string, string>;
}

export interface RetainedHistory {
  /** Per topic the last acknowledged write; an empty string for a delete. */
  readonly expected: ReadonlyMap<string, string>;
  readonly views: readonly RetainedView[];
}

/** Everything the verdict needs; made by the load, or by hand in tests. */
export interface History {
  readonly streams: readonly Stream[];
  readonly subscribers: readonly SubscriberHistory[];
  readonly wills: readonly WillHistory[];
  readonly retained: RetainedHistory;
  /** Clients with a persistent session that were told there was none, one sentence each. */
  readonly sessionsLost: readonly string[];
  /** Other things that must not happen, one sentence each. */
  readonly problems: readonly string[];
  /** Some members may have acked QoS 1 without a majority (design, P1). */
  readonly mayDegrade: boolean;
  /** Deliveries that the members dropped, and counted, because a session's queue was at its bound. */
  readonly droppedAtBound: number;
  /** Client-visible gaps of kills that left a majority, ms; Infinity for a publisher that never went on. */
  readonly gapsMs: readonly number[];
  /** The part of them whose publisher was connected to a member that was killed. */
  readonly gapsAtKilledMs: readonly number[];
  /** Publish to delivery, ms. */
  readonly latenciesMs: readonly number[];
}
