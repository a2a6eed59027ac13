import type { DeliverEffect } from '@mqtt-cluster/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { MessageLifetime } from '../link/message-lifetime.ts';
import type { OutgoingBase } from '../link/outgoing-types.ts';
import type { MessageId, Verdict } from './comparison.ts';
import type { NumberMark } from './item-numbers.ts';
import type { StreamMessage } from './outgoing-messages.ts';

/**
 * Why the stream did not acknowledge a message. `final`: it will never accept it. `temporary`: it may accept it later.
 * `connection`: nothing is known about it, so the connection ends and the next one sends it again.
 */
export interface StreamRefusal {
  readonly kind: 'final' | 'temporary' | 'connection';
  readonly isTooLarge?: boolean;
  /** One sentence. */
  readonly text: string;
}

/** The answer of the stream to a message. `repeated`: it had stored the message before. */
export type StreamAnswer = 'stored' | 'repeated' | StreamRefusal;

/** The stream, as far as the outgoing direction needs it. */
export interface StreamWriter {
  /** The largest message with its headers, bytes. */
  readonly messageBytesMax: number;
  /** Time for which the stream drops repetitions, ms. */
  readonly duplicateWindowMs: number;
  store(message: StreamMessage, headers: MsgHdrs, id: string): Promise<StreamAnswer>;
  /** Resolves to what the stream knows about a message that it may have stored before. */
  compare(subject: string, id: MessageId): Promise<Verdict | StreamRefusal>;
  /** Sends a message without waiting. @returns false if too much waits to be sent */
  send(message: StreamMessage): boolean;
}

export interface OutgoingOptions extends OutgoingBase {
  /** Writes a mark into the replicated state in place of the former one, and calls back when it is applied. */
  readonly writeMark: (mark: NumberMark, former: NumberMark | null, onMarked: () => void) => void;
  /** Random name of the session, if the replicated state has none yet. */
  readonly newStart: string;
  /** No message of the queue was sent before this time, ms. */
  readonly queuedSinceMs: number;
  /** The connection must end. */
  readonly onConnectionFault: (text: string) => void;
  /** This process has a message that is not in the replicated state: the link must open its session again. */
  readonly onUnnumbered: () => void;
}

/** One message that the stream has not acknowledged. */
export interface Pending {
  readonly packetId: number;
  /** Null for a QoS 2 exchange with the cluster, which a link of the kind `mqtt` has left. */
  readonly number: number | null;
  readonly message: StreamMessage;
  /** The message in the cluster, and the QoS of its delivery. */
  readonly delivered: Pick<DeliverEffect, 'message' | 'qos'>;
  readonly id: MessageId;
  readonly sinceMs: number;
  readonly lifetime: MessageLifetime;
  /**
   * `paused`: the stream has refused it for a reason that may pass. `aside`: the stream does not get it, and the cluster has
   * no copy yet.
   */
  phase: 'waiting' | 'comparing' | 'sent' | 'paused' | 'aside';
  refusals: number;
  /** Since when the stream may have the message, ms. Null: it does not have it. */
  sentSinceMs: number | null;
  /** True if the stream may have stored the message before its duplicate window. */
  isUndecided: boolean;
}
