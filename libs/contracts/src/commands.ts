import type { SettingsChange } from './cluster-settings.ts';
import type { ClientId, Epoch, Incarnation, LogIndex, MemberId, StoreId } from './ids.ts';
import type { Message, Subscription, Will } from './message.ts';

/**
 * What a home asks of the cluster: one numbered batch. Applied only if its number is the last one plus one of
 * this member's incarnation; lower is a repeat, higher is ignored and sent again (design, section 3).
 */
export interface Batch {
  readonly member: MemberId;
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  /** From 1; the first batch of an incarnation starts with a `start` command. */
  readonly sequence: number;
  readonly commands: readonly Command[];
}

/**
 * First command of an incarnation: what earlier ones of this member held is orphaned. Their sessions stay
 * current for `settings.orphanGraceMs` so that clients may return; then wills fire and epochs close.
 */
export interface StartCommand {
  readonly kind: 'start';
  /** Version of the meaning of commands that this member knows. */
  readonly semantics: number;
  /** Incarnations of this store whose outbox items are not yet recovered; all others may be forgotten. */
  readonly outboxIncarnations: readonly Incarnation[];
}

export interface OpenCommand {
  readonly kind: 'open';
  readonly client: ClientId;
  /** MQTT 3.1.1 Clean Session, MQTT 5 Clean Start: forget what was. */
  readonly clean: boolean;
  /** Seconds the session outlives its connection; 0 ends it with the connection; 0xFFFFFFFF never. */
  readonly expirySeconds: number;
  /** How many unacknowledged QoS 1 and 2 messages the client takes (already bounded by the home). */
  readonly receiveMaximum: number;
  readonly will?: Will;
  /**
   * A clean session that was connected without a majority, or whose home was given up while it lived: refused
   * when the client has opened, or has a session, elsewhere (design, section 6).
   */
  readonly adopt?: boolean;
}

/** The connection is gone. Ungraceful: the will fires (at once or after its delay). */
export interface CloseCommand {
  readonly kind: 'close';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly graceful: boolean;
  /** MQTT 5 DISCONNECT may change it. */
  readonly expirySeconds?: number;
}

/** Persistent sessions: all filters. Clean sessions: only their shared ones. */
export interface SubscribeCommand {
  readonly kind: 'subscribe';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly subscriptions: readonly Subscription[];
}

export interface UnsubscribeCommand {
  readonly kind: 'unsubscribe';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly filters: readonly string[];
}

/** A QoS 1 or 2 message, or a retained one of any QoS. QoS 1 is never void; QoS 2 is when the epoch is old. */
export interface PublishCommand {
  readonly kind: 'publish';
  readonly message: Message;
  /** The publisher's connection; absent for the member's own messages. */
  readonly client?: ClientId;
  readonly epoch?: Epoch;
  /** QoS 2: the publisher's packet id; a second one before its release is a repeat. */
  readonly packetId?: number;
  /**
   * Accepted without a majority when this index was the last one applied: a retained message is set only if its
   * topic has not changed since, other than by this member's own isolated messages.
   */
  readonly isolatedSince?: LogIndex;
}

/** PUBREL of a publisher: frees the packet id. */
export interface ReleaseCommand {
  readonly kind: 'release';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly packetId: number;
}

/** What subscribers of one home acknowledged since the last such command; batched. */
export interface ProgressCommand {
  readonly kind: 'progress';
  readonly sessions: readonly SessionProgress[];
}

export interface SessionProgress {
  readonly client: ClientId;
  readonly epoch: Epoch;
  /** QoS 1 (and expired or undeliverable) items done, by item number; need not be in order. */
  readonly done?: readonly number[];
  /** QoS 2: packet ids whose PUBREC has come. */
  readonly received?: readonly number[];
  /** QoS 2: packet ids whose PUBCOMP has come (or whose PUBREC refused the message). */
  readonly completed?: readonly number[];
}

/** Messages that an earlier incarnation of this store acked on its own disk only. Applied once per (incarnation, sequence). */
export interface RecoverCommand {
  readonly kind: 'recover';
  readonly incarnation: Incarnation;
  readonly sequence: number;
  readonly publishes: readonly PublishCommand[];
}

/** From the leader: a member was silent for too long; its connections count as gone. */
export interface LostCommand {
  readonly kind: 'lost';
  readonly member: MemberId;
  readonly incarnation: Incarnation;
  /** The newest of the member's sessions when it was given up; what opened there since shows that it lives. */
  readonly epochMax?: Epoch;
}

/** Does nothing but carry the time: due timers (wills, expiries, orphans) run before any entry is applied. */
export interface TimeCommand {
  readonly kind: 'time';
}

export interface SettingsCommand {
  readonly kind: 'settings';
  readonly settings: SettingsChange;
}

/** Raises the version of the meaning of commands; proposed only when all members know it. */
export interface SemanticsCommand {
  readonly kind: 'semantics';
  readonly version: number;
}

export type Command =
  | StartCommand
  | OpenCommand
  | CloseCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | PublishCommand
  | ReleaseCommand
  | ProgressCommand
  | RecoverCommand
  | LostCommand
  | TimeCommand
  | SettingsCommand
  | SemanticsCommand;

/** From this meaning on, a subscription queues the retained messages that it asks for (QoS 1 and 2). */
export const retainedQueuedSemantics = 2;

/** The newest meaning of commands that this code knows. */
export const semanticsVersion = 2;
