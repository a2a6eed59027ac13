import type { QoS } from '@mqtt-cluster/history-checker';
import type { Random } from '@mqtt-cluster/kit';
import type { WillSpec } from '../client/payload.ts';

/** One action of a client. A plan is an endless sequence of steps; equal seeds give equal plans. */
export type ClientStep =
  | { readonly do: 'wait'; readonly ms: number }
  | {
      readonly do: 'publish';
      readonly topic: string;
      readonly qos: QoS;
      readonly retain?: boolean;
      readonly clear?: boolean;
      /** Message Expiry Interval in seconds, for MQTT 5 only. */
      readonly expirySeconds?: number;
    }
  | { readonly do: 'subscribe'; readonly filter: string; readonly qos: QoS }
  | { readonly do: 'unsubscribe'; readonly filter: string }
  /**
   * Ends the connection and connects to another server after `awayMs`. `disconnect`: the client sends
   * DISCONNECT; `drop`: the client closes the connection without DISCONNECT; `vanish`: the client abandons
   * the connection without closing it. `server` is a position in the list of servers.
   */
  | {
      readonly do: 'move';
      readonly how: 'disconnect' | 'drop' | 'vanish';
      readonly awayMs: number;
      readonly server: number;
    };

/** The reaction of a client to the loss of its connection. */
export type LossReaction =
  /** The client connects to another server at once. */
  | { readonly kind: 'roam' }
  /** The client stays disconnected for a random time between the bounds, then connects to another server. */
  | { readonly kind: 'pause'; readonly lowMs: number; readonly highMs: number }
  /** The client stays disconnected until the next `move` of its plan. */
  | { readonly kind: 'wait for plan' };

/** One client of a workload: its session, its subscriptions and its plan. */
export interface ClientSpec {
  /** Unique name in the workload; also the client id, unless {@link clientId} is set. */
  readonly name: string;
  /** Client id that several clients share, so that they take over each other's session. */
  readonly clientId?: string;
  readonly version: 4 | 5;
  readonly clean: boolean;
  /** Session expiry in seconds; null: the session does not expire. */
  readonly expirySeconds: number | null;
  readonly will?: WillSpec;
  /** Receive Maximum of the client, for MQTT 5 only. */
  readonly receiveMaximum?: number;
  /** Delay of each acknowledgement that the client sends, ms; 0 if absent. */
  readonly ackDelayMs?: number;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: QoS }[];
  /** Whether the client uses the brokers beyond the link (`LoadTarget.remotes`) instead of the servers of the cluster. */
  readonly atRemote?: true;
  /** Position of the first server in the list of servers; larger numbers wrap around. */
  readonly firstServer: number;
  readonly onLoss: LossReaction;
  /** Whether the run settles only when this client is connected and has no unacknowledged message. */
  readonly expectedAtEnd: boolean;
  readonly plan: (random: Random) => Generator<ClientStep, void, void>;
}

/** The features of the target, and the rate and topics of a workload. */
export interface WorkloadContext {
  /** Prefix of all topics of the workload, ending with `/`. */
  readonly prefix: string;
  /** Number of servers of the target. */
  readonly servers: number;
  /** Number of brokers that a link connects with the target. */
  readonly remotes: number;
  /** Rate of the workload's PUBLISH packets a second. */
  readonly rate: number;
  readonly qosMax: QoS;
  /** Protocol versions that the target supports. */
  readonly versions: readonly (4 | 5)[];
  readonly random: Random;
}

/** Creates the clients of a workload. */
export type Workload = (context: WorkloadContext) => ClientSpec[];

/** @returns a random time between two messages of a client that publishes `perSecond` on average, ms */
export function publishIntervalMs(random: Random, perSecond: number): number {
  return (1_000 / Math.max(perSecond, 0.001)) * (0.5 + random());
}

/** @returns the wanted protocol version if the target supports it; otherwise MQTT 3.1.1 */
export function supportedVersion({ versions }: WorkloadContext, wanted: 4 | 5): 4 | 5 {
  return versions.includes(wanted) ? wanted : 4;
}

/** @returns the wanted QoS, or the highest QoS of the target if the target does not support the wanted QoS */
export function cappedQos(wanted: QoS, { qosMax }: WorkloadContext): QoS {
  return Math.min(wanted, qosMax) as QoS;
}

/** A plan without packets: the client only stays connected. */
export function* idlePlan(): Generator<ClientStep, void, void> {
  for (;;) yield { do: 'wait', ms: 1_000 };
}
