import { cpuSeconds, mainThreadSeconds, processActivity } from '@mqtt-cluster/kit';
import type { Endpoint } from '../generator/load.ts';
import { readMetrics, sumOf } from '../targets/metrics-page.ts';

/** Running totals of one process since its start. A broker without the page `/metrics` has only the first five. */
export interface WorkTotals {
  /** Processor time of all threads. */
  readonly processorMs: number;
  /** Processor time of the main thread. Other threads sync files and collect garbage. */
  readonly mainThreadMs: number;
  /** System calls that write, to sockets, files and event descriptors. */
  readonly writeCalls: number;
  readonly readCalls: number;
  /** How often a thread of the process slept. */
  readonly sleeps: number;
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly syncs: number;
  /** Turns of the member caused by messages, clients or completed writes. */
  readonly inputTurns: number;
  readonly timerTurns: number;
}

export const workKeys = [
  'processorMs',
  'mainThreadMs',
  'framesSent',
  'framesReceived',
  'bytesSent',
  'syncs',
  'inputTurns',
  'timerTurns',
  'writeCalls',
  'readCalls',
  'sleeps',
] as const satisfies readonly (keyof WorkTotals)[];

/** Reads the totals of a member. @param http the address of `/metrics`; null for another broker */
export async function readWork(
  pid: number,
  http: Endpoint | null,
): Promise<WorkTotals & { readonly leads: boolean }> {
  const page = http === null ? '' : (await readMetrics(http)).toString();
  const of = (name: string, labels = ''): number => sumOf(page, `mqtt_cluster_${name}`, labels);
  const activity = processActivity(pid);
  return {
    processorMs: (cpuSeconds(pid) ?? 0) * 1_000,
    mainThreadMs: (mainThreadSeconds(pid) ?? 0) * 1_000,
    writeCalls: activity?.writes ?? 0,
    readCalls: activity?.reads ?? 0,
    sleeps: activity?.sleeps ?? 0,
    framesSent: of('bridge_frames_total', 'direction="sent"'),
    framesReceived: of('bridge_frames_total', 'direction="received"'),
    bytesSent: of('bridge_bytes_total', 'direction="sent"'),
    syncs: of('store_sync_seconds_count'),
    inputTurns: of('member_turns_total', 'cause="input"'),
    timerTurns: of('member_turns_total', 'cause="timer"'),
    leads: of('raft_is_leader') === 1,
  };
}

/** Returns the work between two readings for each of `messages` messages. */
export function workForEach(before: WorkTotals, after: WorkTotals, messages: number): WorkTotals {
  const each = workKeys.map((key) => [key, (after[key] - before[key]) / Math.max(1, messages)]);
  return Object.fromEntries(each) as unknown as WorkTotals;
}
