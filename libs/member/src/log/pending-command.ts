import type { Command, LogIndex } from '@mqtt-cluster/contracts';
import type { PendingRequest } from '../home/pending-request.ts';

/** A command of this home that the cluster has not applied yet. */
export interface PendingCommand {
  command: Command;
  readonly request: PendingRequest | null;
  /** The client already has its answer, a degraded acknowledgement. */
  answered: boolean;
  /** The home delivered the message to its own clients before the cluster had it (early delivery). */
  deliveredEarly: boolean;
  readonly receivedMs: number;
  /** The last applied log index when the home received the command. */
  readonly receivedIndex: LogIndex;
}
