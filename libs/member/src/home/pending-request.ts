import type { Subscription } from '@mqtt-cluster/contracts';
import type { Connection } from './connections/connection.ts';

/** Which client waits for what a command comes to. */
export type Request =
  | { readonly kind: 'open'; readonly connection: Connection }
  | {
      readonly kind: 'publish';
      readonly connection: Connection;
      readonly packetId: number;
      readonly qos: 1 | 2;
    }
  | {
      readonly kind: 'subscribe';
      readonly connection: Connection;
      readonly packetId: number;
      readonly subscriptions: readonly Subscription[];
      /** Positions in the packet that went through the log; the others were granted by the home. */
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
  | { readonly kind: 'recover'; readonly incarnation: number; readonly sequence: number };
