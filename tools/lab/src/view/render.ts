import type { MemberReport } from '../cluster/lab-member.ts';
import type { ByQoS } from '../load/traffic-stats.ts';

/** The contents of the live view; times in ms. */
export interface ViewState {
  readonly members: readonly MemberReport[];
  readonly chosen: number | null;
  readonly upMs: number;
  readonly traffic: TrafficView;
  /** The status of the client application, in one line. */
  readonly client: string;
  /** The fault of the last pressed key and its result, or the last crash of a member. */
  readonly notice: string;
  /** Address of the web console. */
  readonly url: string;
  /** A lasting warning about the settings of the members, or an empty text. */
  readonly warning: string;
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
  'Press 1 to 7 to choose a member, then:',
  '  k  kill it (SIGKILL)             r  start it again with its data',
  '  s  stop it (SIGTERM)             w  wipe it: kill it and delete its data',
  '  p  pause it (SIGSTOP)            u  resume it (SIGCONT)',
  '  c  cut it off from its peers     l  delay its links by 100 ± 50 ms',
  '  m  heal: end the faults of all links, disks and clocks',
  '  h  show or hide this help        q  stop everything and quit',
];

const keyLines: readonly string[] = [
  'keys  1-7 member: k kill  s stop  p pause  u resume  r start  w wipe',
  '      c cut  l slow links | m heal all | h help  q quit',
];

const right = (value: unknown, width: number): string => String(value ?? '-').padStart(width);
const left = (value: unknown, width: number): string => String(value ?? '-').padEnd(width);

/** Returns a table of the members; without faults it is at most 80 columns wide. */
export function renderMembers(members: readonly MemberReport[], chosen: number | null = null): string[] {
  const lags = members.find(({ status }) => status?.role === 'leader')?.status?.lag ?? {};
  const head = `  ${left('id', 3)} ${left('address', 15)} ${left('process', 8)}${left('state', 9)}${left('role', 10)}`;
  return [
    `${head}${right('clients', 7)}${right('applied', 9)}${right('lag', 7)} link`,
    ...members.map(({ id, mqtt, process, link, faults, status }, index) => {
      const mark = chosen === index + 1 ? '>' : ' ';
      const identity = `${mark} ${left(id, 3)} ${left(mqtt, 15)} ${left(process, 8)}`;
      const state = `${left(status?.state, 9)}${left(status?.role, 10)}${right(status?.connections, 7)}`;
      const lag = status?.role === 'leader' ? 0 : lags[id];
      return `${identity}${state}${right(status?.appliedIndex, 9)}${right(lag, 7)} ${[link, faults].filter((text) => text !== '').join(', ')}`;
    }),
  ];
}

/** Returns a table of the message counts by QoS, and a line with the latency. */
function renderTraffic(traffic: TrafficView): string[] {
  const columns = ['sent', 'acked', 'delivered', 'lost', 'duplicated', 'outOfOrder', 'perSecond'] as const;
  const titles = ['sent', 'acked', 'delivered', 'lost', 'dupl.', 'reordered', 'msg/s'];
  const gap = traffic.lastGapMs === null ? 'none' : `${Math.round(traffic.lastGapMs)} ms`;
  return [
    `       ${titles.map((title) => right(title, 10)).join('')}`,
    ...(['qos0', 'qos1', 'qos2'] as const).map(
      (qos) =>
        `QoS ${qos.slice(3)}  ${columns.map((column) => right(countOf(traffic, column, qos), 10)).join('')}`,
    ),
    `latency p50 ${traffic.latencyP50Ms ?? '-'} ms, p99 ${traffic.latencyP99Ms ?? '-'} ms; last failover gap ${gap}`,
  ];
}

/** Returns one cell of the traffic table; null for acknowledgements of QoS 0, which do not exist. */
function countOf(
  traffic: TrafficView,
  column: 'sent' | 'acked' | 'delivered' | 'lost' | 'duplicated' | 'outOfOrder' | 'perSecond',
  qos: keyof ByQoS,
): number | null {
  return column === 'acked' && qos === 'qos0' ? null : Math.round(traffic[column][qos]);
}

/** Returns the client application's `/status` in one line. */
export function describeClient(status: Readonly<Record<string, unknown>> | null): string {
  if (status === null) return 'not reachable';
  const { client, byQos, violations, gaps } = status as {
    client?: { server?: unknown; failovers?: unknown };
    byQos?: readonly { received?: number }[];
    violations?: readonly string[];
    gaps?: { max?: number | null };
  };
  const received = (byQos ?? []).reduce((sum, counts) => sum + (counts.received ?? 0), 0);
  const parts = [
    client?.server ? `connected to ${String(client.server)}` : 'not connected',
    `received ${received}`,
    `violations ${violations?.length ?? 0}`,
    `failovers ${String(client?.failovers ?? 0)}`,
  ];
  if (typeof gaps?.max === 'number') parts.push(`max gap ${Math.round(gaps.max)} ms`);
  return parts.join(', ');
}

/** Returns the lines of the screen; each is at most `columns` long. */
export function renderView(state: ViewState, columns: number): string[] {
  const seconds = Math.floor(state.upMs / 1_000);
  const leader = state.members.find(({ status }) => status?.role === 'leader');
  const serving = state.members.filter(({ status }) => status?.state === 'serving').length;
  const title =
    `MQTT Cluster lab: ${serving} of ${state.members.length} serving, ` +
    `leader ${leader?.id ?? 'none'}, term ${leader?.status?.term ?? '-'}, up ${seconds} s`;
  const lines = [
    title,
    `web console: ${state.url}`,
    state.warning,
    ...renderMembers(state.members, state.chosen),
    '',
    ...renderTraffic(state.traffic),
    `client: ${state.client}`,
    '',
    ...(state.help ? helpLines : keyLines),
    state.notice,
  ];
  return lines.map((line) => line.slice(0, columns));
}

/** Returns the line that the lab prints without a terminal; `*` marks the leader. */
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
