import type { MemberReport } from '../cluster/lab-member.ts';
import type { ByQoS } from '../load/traffic-stats.ts';

/** What the live view shows; times in ms. */
export interface ViewState {
  readonly members: readonly MemberReport[];
  readonly chosen: number | null;
  readonly upMs: number;
  readonly traffic: TrafficView;
  /** What the client application says of itself, in one line. */
  readonly client: string;
  /** What the last key did, or why it failed. */
  readonly notice: string;
  readonly help: boolean;
}

export interface TrafficView {
  readonly sent: ByQoS;
  readonly acked: ByQoS;
  readonly delivered: ByQoS;
  readonly lost: ByQoS;
  readonly duplicated: ByQoS;
  readonly outOfOrder: ByQoS;
  /** Deliveries a second. */
  readonly perSecond: ByQoS;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly lastGapMs: number | null;
}

export const helpLines: readonly string[] = [
  'Choose a member with 1 to 7, then:',
  '  k  kill it (SIGKILL)            r  start it again with its data',
  '  s  stop it (SIGTERM)            w  wipe it: kill it and delete its data',
  '  p  pause it (SIGSTOP)           u  resume it (SIGCONT)',
  '  c  cut it off from its peers    l  slow its links: 100 ± 50 ms',
  '  m  mend all cuts and slow links',
  '  h  this help                    q  quit and stop everything',
];

const keyLine = '1-7 choose | kill stop pause (u)resume cut s(l)ow wipe (r)start mend help quit';

const right = (value: unknown, width: number): string => String(value ?? '-').padStart(width);
const left = (value: unknown, width: number): string => String(value ?? '-').padEnd(width);

/** A table of the members, 79 columns wide. */
export function renderMembers(members: readonly MemberReport[], chosen: number | null = null): string[] {
  const lags = members.find(({ status }) => status?.role === 'leader')?.status?.lag ?? {};
  const head = `  ${left('id', 3)} ${left('address', 15)} ${left('process', 8)}${left('state', 9)}${left('role', 10)}`;
  return [
    `${head}${right('clients', 7)}${right('applied', 9)}${right('lag', 7)} link`,
    ...members.map(({ id, mqtt, process, link, faults, status }, index) => {
      const mark = chosen === index + 1 ? '>' : ' ';
      const who = `${mark} ${left(id, 3)} ${left(mqtt, 15)} ${left(process, 8)}`;
      const what = `${left(status?.state, 9)}${left(status?.role, 10)}${right(status?.connections, 7)}`;
      const lag = status?.role === 'leader' ? 0 : lags[id];
      return `${who}${what}${right(status?.appliedIndex, 9)}${right(lag, 7)} ${[link, faults].filter((text) => text !== '').join(', ')}`;
    }),
  ];
}

export function renderTraffic(traffic: TrafficView): string[] {
  const columns = ['sent', 'acked', 'delivered', 'lost', 'duplicated', 'outOfOrder', 'perSecond'] as const;
  const titles = ['sent', 'acked', 'delivered', 'lost', 'dupl.', 'disorder', 'msg/s'];
  const gap = traffic.lastGapMs === null ? 'none yet' : `${Math.round(traffic.lastGapMs)} ms`;
  return [
    `       ${titles.map((title) => right(title, 10)).join('')}`,
    ...(['qos0', 'qos1', 'qos2'] as const).map(
      (qos) =>
        `QoS ${qos.slice(3)}  ${columns.map((column) => right(Math.round(traffic[column][qos]), 10)).join('')}`,
    ),
    `latency p50 ${traffic.latencyP50Ms ?? '-'} ms, p99 ${traffic.latencyP99Ms ?? '-'} ms; last failover gap ${gap}`,
  ];
}

/** The client application's `/status` in one line; what it lacks is left out. */
export function describeClient(status: Readonly<Record<string, unknown>> | null): string {
  if (status === null) return 'does not answer';
  const { client, byQos, violations, gaps } = status as {
    client?: { server?: unknown; failovers?: unknown };
    byQos?: readonly { received?: number }[];
    violations?: readonly string[];
    gaps?: { max?: number | null };
  };
  const received = (byQos ?? []).reduce((sum, counts) => sum + (counts.received ?? 0), 0);
  const parts = [
    `at ${String(client?.server ?? 'no member')}`,
    `${received} received`,
    `${violations?.length ?? 0} violations`,
    `${String(client?.failovers ?? 0)} failovers`,
  ];
  if (typeof gaps?.max === 'number') parts.push(`longest gap ${Math.round(gaps.max)} ms`);
  return parts.join(', ');
}

/** The whole screen; no line is longer than `columns`. */
export function renderView(state: ViewState, columns: number): string[] {
  const seconds = Math.floor(state.upMs / 1_000);
  const leader = state.members.find(({ status }) => status?.role === 'leader');
  const serving = state.members.filter(({ status }) => status?.state === 'serving').length;
  const title =
    `MQTT Cluster lab: ${serving} of ${state.members.length} serving, ` +
    `leader ${leader?.id ?? 'none'}, term ${leader?.status?.term ?? '-'}, up ${seconds} s`;
  const lines = [
    title,
    '',
    ...renderMembers(state.members, state.chosen),
    '',
    ...renderTraffic(state.traffic),
    `client: ${state.client}`,
    '',
    ...(state.help ? helpLines : [keyLine]),
    state.notice,
  ];
  return lines.map((line) => line.slice(0, columns));
}

/** One line for the log when there is no terminal. */
export function renderLine({ members, traffic, upMs }: ViewState): string {
  const states = members.map(({ id, process, status }) => {
    const role = status?.role === 'leader' ? '*' : '';
    return `${id}${role}:${process === 'running' ? (status?.state ?? 'starting') : process}`;
  });
  const sum = ({ qos0, qos1, qos2 }: ByQoS): number => qos0 + qos1 + qos2;
  const numbers =
    `sent ${sum(traffic.sent)} delivered ${sum(traffic.delivered)} ` +
    `lost ${traffic.lost.qos1 + traffic.lost.qos2} duplicated ${traffic.duplicated.qos2}`;
  return `${Math.floor(upMs / 1_000)} s ${states.join(' ')} | ${numbers} | p99 ${traffic.latencyP99Ms ?? '-'} ms`;
}
