/**
 * What the bench and the processes of measured clients tell each other: one JSON object a line, a command in, an answer out.
 * Times are milliseconds of the system's monotonic clock, which all processes of a machine share.
 */
export interface Place {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

export interface OpenCommand {
  readonly type: 'open';
  /** Part of every client id and topic, so that no round meets what an earlier one left. */
  readonly label: string;
  /** In the order in which a client with a list tries them; the first is the one that will fail. */
  readonly servers: readonly Place[];
  /** Messages a second of each publisher. */
  readonly rate: number;
}

export type Command = OpenCommand | { readonly type: 'look' } | { readonly type: 'close' };

/** Times at which something was acked or arrived, by client and role ({@link seriesName}). */
export type Events = Readonly<Record<string, readonly number[]>>;

export type Answer =
  | { readonly type: 'opened' }
  /** Since the last look. */
  | { readonly type: 'events'; readonly events: Events }
  | { readonly type: 'closed' }
  | { readonly type: 'error'; readonly message: string };

export const roles = ['publisher', 'subscriber QoS 1', 'subscriber QoS 0'] as const;
export type Role = (typeof roles)[number];

export function seriesName(client: string, role: Role): string {
  return `${client}: ${role}`;
}

/** Where what is measured at the subscribers is published, by QoS. */
export function feedTopic(label: string, qos: 0 | 1): string {
  return `failover/${label}/feed/${qos}`;
}

/** Of a measured publisher; nobody subscribes. */
export function ownTopic(label: string, client: string): string {
  return `failover/${label}/own/${client}`;
}

export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Sessions of a round go soon after it. */
export const sessionExpirySeconds = 60;
/** Of clients that detect a silent server only by their keep-alive: the shortest that their makers support well. */
export const keepaliveSeconds = 2;
/** Until all clients of a round are connected to the victim. */
export const openMsMax = 15_000;
