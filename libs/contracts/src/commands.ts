import type { AccessChange, ConnectionAccess, Revocation } from './access.ts';
import type { SettingsChange } from './cluster-settings.ts';
import type { ClientId, Epoch, Incarnation, LogIndex, MemberId, StoreId } from './ids.ts';
import type { Message, Subscription, Will } from './message.ts';

/**
 * A numbered batch of commands that a home proposes. Members apply a batch only if its sequence number
 * follows the last applied one of the same incarnation. A lower number is a repeat. A higher number is
 * ignored, and the home proposes the batch again (docs/DESIGN.md, "The log and its entries").
 */
export interface Batch {
  readonly member: MemberId;
  readonly storeId: StoreId;
  readonly incarnation: Incarnation;
  /** Sequence numbers start at 1. The first batch of an incarnation starts with a `start` command. */
  readonly sequence: number;
  readonly commands: readonly Command[];
}

/**
 * First command of an incarnation. It orphans the sessions of earlier incarnations of this member. Orphaned
 * sessions stay current for `settings.orphanGraceMs`, so that their clients can reconnect. After
 * that time, members publish the wills of the orphaned sessions and close their epochs.
 */
export interface StartCommand {
  readonly kind: 'start';
  /** Newest semantics version that this member supports. */
  readonly semantics: number;
  /**
   * Incarnations of this store with outbox items that are not yet recovered. Members may drop the recorded
   * sequence numbers of all other incarnations.
   */
  readonly outboxIncarnations: readonly Incarnation[];
}

/** Opens the session of a client that connects, and gives the connection a new epoch. */
export interface OpenCommand {
  readonly kind: 'open';
  readonly client: ClientId;
  /** MQTT 3.1.1 Clean Session, MQTT 5 Clean Start: discards a former session. */
  readonly clean: boolean;
  /**
   * Seconds that the session outlives its connection. 0 ends it with the connection; 0xFFFFFFFF means that it
   * never expires.
   */
  readonly expirySeconds: number;
  /** Unacknowledged QoS 1 and 2 messages that the client accepts, already lowered to the home's maximum. */
  readonly receiveMaximum: number;
  readonly will?: Will;
  /**
   * Conditional open, for two kinds of clean session: the client connected without a majority, or a `lost`
   * command closed the session although its home was alive. Members reject the command when the client has a
   * session at another home (docs/DESIGN.md, "Loss of quorum").
   */
  readonly adopt?: boolean;
  /**
   * The authenticated user of the connection. Members reject the command when the session belongs to another
   * user. Only from `accessSemantics` on.
   */
  readonly access?: ConnectionAccess;
  /**
   * True if the proposer expects no report about a connection that this command takes over, because the home of
   * that connection is unreachable or drains. Only from `accessSemantics` on.
   */
  readonly noReport?: boolean;
}

/** Ends a connection. If it is not graceful, members publish the will, at once or after its delay. */
export interface CloseCommand {
  readonly kind: 'close';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly graceful: boolean;
  /** New Session Expiry Interval of an MQTT 5 DISCONNECT, seconds. */
  readonly expirySeconds?: number;
}

/** Adds subscriptions: all filters of a persistent session, only the shared filters of a clean session. */
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

/**
 * Publishes a QoS 1 or 2 message, or a retained message of any QoS. Members ignore a QoS 2 publish
 * of an old epoch, but always apply a QoS 1 publish.
 */
export interface PublishCommand {
  readonly kind: 'publish';
  readonly message: Message;
  /** Client id of the publisher. Absent for the member's own messages. */
  readonly client?: ClientId;
  readonly epoch?: Epoch;
  /** QoS 2: the publisher's packet id. A second publish with the same packet id before PUBREL is a repeat. */
  readonly packetId?: number;
  /**
   * Last applied index of the isolated member that accepted the message, or of the home that received the
   * message of a client that has left. Members set the retained message only if its topic has not changed
   * since that index, except by such messages of the same member.
   */
  readonly isolatedSince?: LogIndex;
}

/** PUBREL of a publisher: releases the packet id. */
export interface ReleaseCommand {
  readonly kind: 'release';
  readonly client: ClientId;
  readonly epoch: Epoch;
  readonly packetId: number;
}

/** Acknowledgements of the subscribers of one home since its last `progress` command. */
export interface ProgressCommand {
  readonly kind: 'progress';
  readonly sessions: readonly SessionProgress[];
}

/** Acknowledgements of one subscriber. */
export interface SessionProgress {
  readonly client: ClientId;
  readonly epoch: Epoch;
  /** Item numbers of QoS 1 messages that are acknowledged, expired or undeliverable, in any order. */
  readonly done?: readonly number[];
  /** QoS 2: packet ids for which the home received PUBREC. */
  readonly received?: readonly number[];
  /** QoS 2: packet ids for which the home received PUBCOMP, or a PUBREC with an error. */
  readonly completed?: readonly number[];
  /**
   * Final report of the connection: its home has sent no item of the queue from this number on, and sends no
   * item after the report. The report may follow the end of the connection. Only from `conformanceSemantics`
   * on.
   */
  readonly sentBelow?: number;
}

/**
 * Messages of the outbox of an earlier incarnation of this store. Members apply each (incarnation, sequence)
 * once.
 */
export interface RecoverCommand {
  readonly kind: 'recover';
  readonly incarnation: Incarnation;
  readonly sequence: number;
  readonly publishes: readonly PublishCommand[];
}

/**
 * The leader proposes this command when a member was silent for too long. All connections of that member
 * count as closed.
 */
export interface LostCommand {
  readonly kind: 'lost';
  readonly member: MemberId;
  readonly incarnation: Incarnation;
  /**
   * The newest epoch at the member when the leader proposed the command. Sessions with a newer epoch are not
   * affected.
   */
  readonly epochMax?: Epoch;
}

/**
 * Advances cluster time and makes no other change. Members run due timers (wills, expiry, orphans) before
 * they apply any entry.
 */
export interface TimeCommand {
  readonly kind: 'time';
}

export interface SettingsCommand {
  readonly kind: 'settings';
  readonly settings: SettingsChange;
}

/**
 * Changes the users and rules of the cluster. Members apply the whole change, or none of it when a bound would
 * be exceeded. The connections of users that are deleted or disabled end, and their wills are discarded. Only
 * from `accessSemantics` on.
 */
export interface AccessCommand extends AccessChange {
  readonly kind: 'access';
}

/**
 * Ends the connections of a user and discards the wills that wait. Later connections of the user are not
 * affected. Only from `accessSemantics` on.
 */
export interface RevokeCommand extends Revocation {
  readonly kind: 'revoke';
}

/** Raises the semantics version. The leader proposes it only when all members support the version. */
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
  | SemanticsCommand
  | AccessCommand
  | RevokeCommand;

/**
 * From this semantics version on, a subscription queues the retained QoS 1 and 2 messages that it requests.
 */
export const retainedQueuedSemantics = 2;

/**
 * From this semantics version on, sessions, wills and deliveries follow every clause of the standard that
 * `docs/CONFORMANCE.md` names (docs/DESIGN.md, "Semantics version").
 */
export const conformanceSemantics = 3;

/**
 * From this semantics version on, the replicated state contains users, rules and the owners of sessions, and
 * bounds in bytes (docs/DESIGN.md, "Users, rules and owners").
 */
export const accessSemantics = 4;

/**
 * From this semantics version on, each digest covers one part of a large state, and a connected session whose queue is
 * larger than its equal share of the reserve has no advantage over absent sessions.
 */
export const largeStateSemantics = 5;

/**
 * From this semantics version on, a session that begins anew at a restarted home stays an orphan, and a message that moves
 * within its shared subscription displaces no message for its own room.
 */
export const handoverSemantics = 6;

/** The newest semantics version that this program supports. */
export const semanticsVersion = 6;
