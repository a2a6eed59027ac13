import type { QoS } from '@mqtt-cluster/history-checker';
import type { Random } from '@mqtt-cluster/kit';
import type { WillSpec } from '../client/payload.ts';

/** One action of a client. A plan is an endless sequence of steps, the same for the same seed. */
export type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | {
      readonly do: 'publish';
      readonly topic: string;
      readonly qos: QoS;
      readonly retain?: boolean;
      readonly clear?: boolean;
    }
  | { readonly do: 'subscribe'; readonly filter: string; readonly qos: QoS }
  | { readonly do: 'unsubscribe'; readonly filter: string }
  /**
   * Ends the connection and connects to another server after `awayMs`. `disconnect`: with a DISCONNECT; `drop`: without;
   * `vanish`: the server can't notice the end. `server` is a position in the list of servers.
   */
  | {
      readonly do: 'move';
      readonly how: 'disconnect' | 'drop' | 'vanish';
      readonly awayMs: number;
      readonly server: number;
    };

/** What a client does when it loses its connection. */
export type OnLoss =
  /** Connects to another server at once. */
  | { readonly kind: 'roam' }
  /** Stays disconnected for a random time between the bounds, then connects to another server. */
  | { readonly kind: 'away'; readonly lowMs: number; readonly highMs: number }
  /** Stays disconnected until the next `move` of its plan. */
  | { readonly kind: 'stay away' };

/** One client of a workload: its session, its subscriptions and its plan. */
export interface ClientSpec {
  /** Unique in the workload; also the client id, unless {@link clientId} is set. */
  readonly name: string;
  /** The client id of several clients that take it over from each other. */
  readonly clientId?: string;
  readonly version: 4 | 5;
  readonly clean: boolean;
  /** Session expiry in seconds; null: never. */
  readonly expirySeconds: number | null;
  readonly will?: WillSpec;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: QoS }[];
  /** Position of the first server in the list of servers; larger numbers wrap around. */
  readonly home: number;
  readonly onLoss: OnLoss;
  /** True: the run settles only when this client is connected and has no unacknowledged message. */
  readonly expectedAtEnd: boolean;
  readonly plan: (random: Random) => Generator<Step, void, void>;
}

/** The target's features and the load that a workload should make. */
export interface WorkloadContext {
  /** All topics of the workload begin with it; it ends with `/`. */
  readonly prefix: string;
  /** Number of servers. */
  readonly servers: number;
  /** PUBLISH packets a second of this workload. */
  readonly rate: number;
  readonly qosMax: QoS;
  /** Protocol versions that the target supports. */
  readonly versions: readonly (4 | 5)[];
  readonly random: Random;
}

export type Workload = (context: WorkloadContext) => ClientSpec[];

/** @returns a random time between two messages of a client that publishes `perSecond` on average, ms */
export function publishIntervalMs(random: Random, perSecond: number): number {
  return (1_000 / Math.max(perSecond, 0.001)) * (0.5 + random());
}

/** @returns the wanted protocol version if the target supports it, else MQTT 3.1.1 */
export function supportedVersion({ versions }: WorkloadContext, wanted: 4 | 5): 4 | 5 {
  return versions.includes(wanted) ? wanted : 4;
}

/** @returns the wanted QoS, or the target's highest */
export function cappedQos(wanted: QoS, { qosMax }: WorkloadContext): QoS {
  return Math.min(wanted, qosMax) as QoS;
}

/** A plan that only keeps the connection. */
export function* idlePlan(): Generator<Step, void, void> {
  for (;;) yield { do: 'wait', ms: 1_000 };
}
