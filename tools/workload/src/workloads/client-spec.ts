import type { QoS } from '@mqtt-cluster/history-checker';
import type { Random } from '../random.ts';
import type { WillSpec } from '../client/payload.ts';

/** One thing that a client does. A plan is a list of them without end, the same for the same seed. */
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
  /** Leaves, with a word, without one, or so that its server notices nothing, and comes back after a while at another server (by position in the list). */
  | {
      readonly do: 'move';
      readonly how: 'disconnect' | 'drop' | 'vanish';
      readonly awayMs: number;
      readonly server: number;
    };

/** What an actor does when its connection ends without its doing. */
export type OnLoss =
  /** Tries one server after the other, at once. */
  | { readonly kind: 'roam' }
  /** Stays away for a time, then roams. */
  | { readonly kind: 'away'; readonly lowMs: number; readonly highMs: number }
  /** Leaves it to the next `move` of its plan. */
  | { readonly kind: 'stay away' };

/** One client: who it is, and what it does. */
export interface Actor {
  /** Unique in the workload; its client id unless {@link clientId} is there. */
  readonly name: string;
  /** Shared by contenders. */
  readonly clientId?: string;
  readonly version: 4 | 5;
  readonly clean: boolean;
  readonly expirySeconds: number | null;
  readonly will?: WillSpec;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: QoS }[];
  /** Position of the server it starts with. */
  readonly home: number;
  readonly onLoss: OnLoss;
  /** False: takes part only when there is room, so nobody waits for it in the end. */
  readonly mustBeUpInTheEnd: boolean;
  readonly plan: (random: Random) => Generator<Step, void, void>;
}

/** What a workload may know of where it runs. */
export interface Stage {
  /** Ends with `/`; all topics begin with it. */
  readonly prefix: string;
  readonly servers: number;
  /** Publishes a second for this workload. */
  readonly rate: number;
  readonly qosMax: QoS;
  /** Protocol versions that the target speaks. */
  readonly versions: readonly (4 | 5)[];
  readonly random: Random;
}

export type Workload = (stage: Stage) => Actor[];

/** Waiting time between two publishes of a client that sends `perSecond`, drawn around the mean. */
export function pauseMs(random: Random, perSecond: number): number {
  return (1_000 / Math.max(perSecond, 0.001)) * (0.5 + random());
}

/** The version wanted, if the target speaks it. */
export function versionOf({ versions }: Stage, wanted: 4 | 5): 4 | 5 {
  return versions.includes(wanted) ? wanted : 4;
}

export function atMost(wanted: QoS, { qosMax }: Stage): QoS {
  return Math.min(wanted, qosMax) as QoS;
}

/** Does nothing but stay. */
export function* staying(): Generator<Step, void, void> {
  for (;;) yield { do: 'wait', ms: 1_000 };
}
