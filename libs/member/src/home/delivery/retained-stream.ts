import type { LogIndex, Message, Subscription } from '@mqtt-cluster/contracts';
import type { TopicTree } from '@mqtt-cluster/mqtt-state';

/** The position of one subscription in the retained messages that its home sends. */
export interface RetainedStream {
  readonly subscription: Subscription;
  /** The member's own retained messages (`$SYS`). Null for the replicated ones. */
  readonly own: TopicTree<Message> | null;
  /** Messages that were retained after this log index reach the client as published messages. */
  readonly index: LogIndex;
  /** Messages of that index that were retained after the subscription. */
  readonly newer: ReadonlySet<Message>;
  /** True when the replicated queue of the session holds the messages of QoS 1 and 2. */
  readonly qos0Only: boolean;
  /** The topics up to this one are done. Null at the beginning. */
  after: string | null;
  /** Topics after `after` whose messages were sent early; see `RetainedDelivery.sendBefore`. */
  readonly early: Set<string>;
}
