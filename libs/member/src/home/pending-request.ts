import type { QoS, Subscription } from '@mqtt-cluster/contracts';
import type { CommandResult } from '@mqtt-cluster/mqtt-state';
import type { Connection } from './connections/connection.ts';

/** The client packet that waits for the result of a command. */
export type PendingRequest =
  | { readonly kind: 'open'; readonly connection: Connection }
  | {
      readonly kind: 'publish';
      readonly connection: Connection;
      readonly packetId: number;
      /** A QoS 0 publish has RETAIN set, and gets no answer. */
      readonly qos: QoS;
      /** Number of a QoS 1 publish among those of its connection; 0 for other publishes. */
      readonly number: number;
    }
  | {
      readonly kind: 'subscribe';
      readonly connection: Connection;
      readonly packetId: number;
      readonly subscriptions: readonly Subscription[];
      /**
       * Positions of those filters in the packet that went through the log. The home granted the other
       * filters itself.
       */
      readonly positions: readonly number[];
      readonly codes: number[];
      readonly isNew: boolean[];
      readonly retainedQueued: boolean[];
    }
  | {
      readonly kind: 'unsubscribe';
      readonly connection: Connection;
      readonly packetId: number;
      readonly filters: readonly string[];
      readonly positions: readonly number[];
      readonly existed: boolean[];
    }
  | { readonly kind: 'release'; readonly connection: Connection; readonly packetId: number }
  /**
   * A request of an operator. `done` receives the result when this member has applied the command, or null when a
   * snapshot contains the command.
   */
  | { readonly kind: 'access'; readonly done: (result: CommandResult | null) => void }
  /** A duty of the leader. `done` is called when this member has applied the command. */
  | { readonly kind: 'duty'; readonly done: () => void }
  /** Empty acknowledgements that continue the cursors of retained messages. */
  | { readonly kind: 'progress'; readonly connections: readonly Connection[] }
  | { readonly kind: 'recover'; readonly incarnation: number; readonly sequence: number };
