import type { ProgramState } from '../cluster/program.ts';
import type { ClientView } from '../load/client-gaps.ts';
import type { QoS } from '@mqtt-cluster/history-checker';
import type { TrafficView } from '../view/render.ts';

/** The answer of `GET /lab/state`. The console declares the same form (`apps/console/src/lab/shapes.ts`). */
export interface LabState {
  /** Time of the answer, Unix ms. */
  readonly atMs: number;
  readonly members: readonly LabStateMember[];
  readonly faults: readonly LabStateFault[];
  /** One item for each level of QoS, from 0 to 2. */
  readonly traffic: readonly LabStateTraffic[];
  readonly clients: readonly ClientView[];
  /** The last faults, oldest first, at most 100. */
  readonly history: readonly FaultRecord[];
}

export interface LabStateMember {
  readonly id: string;
  readonly process: 'running' | 'paused' | 'stopped' | 'ended';
  readonly link: string;
  readonly faults: string;
}

interface LabStateFault {
  readonly action: string;
  readonly members: 'none' | 'optional' | 'some' | 'groups';
  readonly value: { readonly example: string; readonly required: boolean } | null;
}

/** Counts since the start of the lab. */
export interface LabStateTraffic {
  readonly qos: QoS;
  readonly sent: number;
  /** Null for QoS 0, which has no acknowledgements. */
  readonly acknowledged: number | null;
  /** Messages that each subscriber has received. */
  readonly delivered: number;
  /** Messages that have not arrived 15 s after their acknowledgement (QoS 0: after they were sent). */
  readonly lost: number;
  readonly duplicated: number;
  readonly deliveredPerSecond: number;
}

export interface FaultRecord {
  readonly atMs: number;
  readonly text: string;
  /** Why the fault could not be injected. */
  readonly error?: string;
}

const processes: Readonly<Record<ProgramState, LabStateMember['process']>> = {
  running: 'running',
  paused: 'paused',
  stopped: 'stopped',
  killed: 'ended',
  crashed: 'ended',
};

/** Returns how the console names the state of a process. */
export function processState(state: ProgramState): LabStateMember['process'] {
  return processes[state];
}

export function trafficOf(view: TrafficView): LabStateTraffic[] {
  return ([0, 1, 2] as const).map((qos) => {
    const key = `qos${qos}` as const;
    return {
      qos,
      sent: view.sent[key],
      acknowledged: qos === 0 ? null : view.acked[key],
      delivered: view.delivered[key],
      lost: view.lost[key],
      duplicated: view.duplicated[key],
      deliveredPerSecond: view.perSecond[key],
    };
  });
}
