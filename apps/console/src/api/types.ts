/** Shapes of the HTTP API, version 1. */

export type Role = 'viewer' | 'operator' | 'admin';

export type QoS = 0 | 1 | 2;

export interface Me {
  readonly user: string | null;
  readonly role: Role;
  readonly lab: boolean;
  readonly anonymous: boolean;
}

/** Every answer that asked other members names the members without an answer. */
export interface Gathered {
  readonly unreachable: readonly string[];
  readonly tooOld: readonly string[];
}

export interface Page<Item> extends Gathered {
  readonly items: readonly Item[];
  readonly next: string | null;
}

export interface Rates {
  readonly receivedPerSecond: readonly number[];
  readonly deliveredPerSecond: readonly number[];
  readonly droppedPerSecond: number;
  readonly ackMsP50: number | null;
  readonly ackMsP99: number | null;
}

export interface Member {
  readonly id: string;
  readonly address: string;
  readonly reachable: boolean;
  readonly state: 'joining' | 'serving' | 'draining' | 'isolated' | null;
  readonly reason: string;
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'none' | null;
  readonly leader: string | null;
  readonly term: number | null;
  readonly appliedIndex: number | null;
  readonly lag: number | null;
  readonly clients: number | null;
  readonly sessions: number | null;
  readonly urls: readonly string[];
  readonly version?: string;
  readonly load: number | null;
  readonly memoryBytes?: number;
  readonly rates?: Rates;
  readonly unreachableReason?: string;
}

export interface Overview {
  readonly cluster: string;
  readonly member: string;
  readonly version: string;
  readonly atMs: number;
  readonly problems: readonly {
    readonly severity: 'warning' | 'critical';
    readonly text: string;
    readonly runbook?: string;
  }[];
  readonly members: readonly Member[];
}

export interface ClientSummary {
  readonly id: string;
  readonly connected: boolean;
  readonly member: string | null;
  readonly user: string | null;
  readonly protocol: '3.1' | '3.1.1' | '5.0' | null;
  readonly address: string | null;
  readonly listener: string | null;
  readonly connectedSinceMs: number | null;
  readonly clean: boolean;
  readonly expirySeconds: number | null;
  readonly subscriptions: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
  readonly dropped: number;
}

export interface ClientDetail extends ClientSummary, Gathered {
  readonly keepAliveSeconds: number | null;
  readonly receiveMaximum: number | null;
  readonly owner: string | null;
  readonly will: {
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
    readonly delaySeconds: number;
    readonly payloadBytes: number;
  } | null;
  readonly subscriptionList: readonly {
    readonly filter: string;
    readonly qos: QoS;
    readonly noLocal: boolean;
    readonly retainAsPublished: boolean;
    readonly identifier?: number;
  }[];
  readonly lastDisconnect: {
    readonly atMs: number;
    readonly reason: string;
    readonly member: string;
  } | null;
  readonly events: readonly ClusterEvent[];
}

export interface ClientQuery {
  readonly limit?: number;
  readonly after?: string;
  readonly id?: string;
  readonly user?: string;
  readonly address?: string;
  readonly member?: string;
  readonly connected?: boolean;
}

export interface Subscription {
  readonly client: string;
  readonly filter: string;
  readonly qos: QoS;
  readonly shared: boolean;
  readonly connected: boolean;
  readonly member: string | null;
}

export interface RetainedSummary {
  readonly topic: string;
  readonly qos: QoS;
  readonly payloadBytes: number;
  readonly payloadPreview: string;
  readonly expiresInSeconds: number | null;
}

export interface RetainedMessage extends Omit<RetainedSummary, 'payloadPreview'> {
  readonly payload: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface RetainedDeletion {
  readonly matched: number;
  readonly deleted: number;
  readonly dryRun: boolean;
}

export type EventKind =
  | 'connected'
  | 'disconnected'
  | 'takenOver'
  | 'refused'
  | 'redirected'
  | 'elected'
  | 'isolated'
  | 'serving'
  | 'draining'
  | 'configChanged'
  | 'snapshotInstalled'
  | 'alarm';

export interface ClusterEvent {
  readonly atMs: number;
  readonly member: string;
  readonly kind: EventKind;
  readonly client?: string;
  readonly user?: string;
  readonly address?: string;
  readonly reason?: string;
  readonly text: string;
}

export interface TraceItem {
  readonly atMs: number;
  readonly member: string;
  readonly client: string;
  readonly direction: 'in' | 'out';
  readonly packet: string;
  readonly packetId?: number;
  readonly topic?: string;
  readonly qos?: QoS;
  readonly dup?: boolean;
  readonly retain?: boolean;
  readonly bytes: number;
  readonly decision?: string;
  readonly payload?: string;
}

export interface ChangeEffect {
  readonly allowed: boolean;
  readonly votersNow: number;
  readonly votersAfter: number;
  readonly majorityAfter: number;
  readonly text: string;
}

export type MemberChange = 'add' | 'remove' | 'drain';

export type Settings = Readonly<Record<string, number | string>>;

export interface User {
  readonly name: string;
  readonly role: Role | null;
  readonly groups: readonly string[];
  readonly disabled: boolean;
}

export interface UserChange {
  readonly password?: string;
  readonly groups?: readonly string[];
  readonly role?: Role | null;
  readonly disabled?: boolean;
  readonly mode?: 'create' | 'change';
}

export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  readonly detail?: string;
}
