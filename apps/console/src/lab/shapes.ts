/** What the lab serves under `/lab/`: state and faults of a cluster that runs on one machine. Never served by a member. */

/** How a fault of `lab fault` takes its members: `groups` means two groups or more, separated by `/`. */
type FaultTargets = 'none' | 'optional' | 'some' | 'groups';

export interface LabFault {
  /** The first word of the fault, such as `kill`. */
  readonly action: string;
  readonly members: FaultTargets;
  /** The form of the value, as in `slow-disk:3=200ms`; null for a fault without a value. */
  readonly value: { readonly example: string; readonly required: boolean } | null;
}

export interface LabMember {
  readonly id: string;
  /** State of the member's process. */
  readonly process: 'running' | 'paused' | 'stopped' | 'ended';
  /** `ok`, or the most severe fault of the member's links. */
  readonly link: string;
  /** Faults of the member's disk and clock; empty without faults. */
  readonly faults: string;
}

/** Counts of one level of QoS since the start of the lab. */
export interface LabTraffic {
  readonly qos: 0 | 1 | 2;
  readonly sent: number;
  /** PUBACK and PUBREC packets that accept a message; null for QoS 0, which has none. */
  readonly acknowledged: number | null;
  /** Deliveries to all subscribers together. */
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly deliveredPerSecond: number;
}

/** A client of the lab's load. */
export interface LabClient {
  readonly id: string;
  readonly role: 'publisher' | 'subscriber';
  readonly qos: 0 | 1 | 2;
  readonly member: string | null;
  /**
   * Times without an acknowledgement (publisher) or connection (subscriber), Unix ms, oldest first, at most the last
   * 100. `endMs` is null while the gap lasts.
   */
  readonly gaps: readonly { readonly startMs: number; readonly endMs: number | null }[];
}

/** Answer of `GET /lab/state`. */
export interface LabState {
  readonly atMs: number;
  readonly members: readonly LabMember[];
  readonly faults: readonly LabFault[];
  /** One item for each level of QoS, from 0 to 2. */
  readonly traffic: readonly LabTraffic[];
  readonly clients: readonly LabClient[];
  /** The last faults, oldest first, at most 100. */
  readonly history: readonly { readonly atMs: number; readonly text: string; readonly error?: string }[];
}

/** Body of `POST /lab/faults`: a fault as `lab fault` accepts it, such as `kill:3` or `cut:1+2/3+4`. */
export interface LabFaultRequest {
  readonly fault: string;
}
