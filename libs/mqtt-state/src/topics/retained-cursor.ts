import type { LogIndex } from '@mqtt-cluster/contracts';

/**
 * The position of one subscription in the retained messages that it receives
 * (docs/adr/0007-retained-by-flow-control.md). Its QoS and identifier are those of the session's subscription.
 */
export interface RetainedCursor {
  readonly filter: string;
  /** Index of the SUBSCRIBE. Messages that were retained later reach the session as published messages. */
  readonly index: LogIndex;
  /** The topics up to this one are done. Null at the beginning. */
  after: string | null;
  /** Topics after `after` whose messages were queued early; see `queueRetainedBefore`. */
  readonly early: Set<string>;
}
