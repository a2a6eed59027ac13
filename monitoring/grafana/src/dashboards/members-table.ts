import type { TableColumn } from '../model.ts';
import { ofSite, rate, recorded, sumBy } from '../queries.ts';
import { rowsPanel } from '../rows-table.ts';
import { memberStates, memberStateTexts } from './states.ts';

const up = 'up{job="mqtt-cluster-broker",site=~"$site"}';
const ofBrokers = 'job="mqtt-cluster-broker",site=~"$site"';

/** Completes a query: members without a sample have 0. */
function orZero(expr: string): string {
  return `${expr} or on (site, member) ${sumBy('site, member', up)} * 0`;
}

/** 1: the member may be stopped. 2 and above: the reason for which it must not be stopped. */
function mayBeStopped(): string {
  const blocked = (reason: string): string => ofSite('member_stop_blocked', `reason="${reason}"`);
  const terms = [
    ofSite('member_stoppable'),
    `${blocked('no_majority')} * 2`,
    `${blocked('member_unhealthy')} * 3`,
    `${blocked('too_few_voters')} * 4`,
  ];
  return sumBy('site, member', terms.join(' or '));
}

const columns: readonly TableColumn[] = [
  {
    title: 'Member',
    label: 'member',
    links: [
      {
        title: 'Dashboard of the member',
        url: '/d/mqtt-cluster-member?var-site=${__data.fields.Site}&var-member=${__value.raw}&${__url_time_range}',
      },
    ],
  },
  { title: 'Site', label: 'site' },
  {
    title: 'State',
    expr: orZero(memberStates(ofSite)),
    valueTexts: { '0': ['does not answer', 'red'], ...memberStateTexts },
    cell: 'background',
  },
  {
    title: 'May be stopped now',
    expr: orZero(mayBeStopped()),
    width: 210,
    valueTexts: {
      '0': ['–', 'text'],
      '1': ['yes', 'green'],
      '2': ['no: no majority', 'red'],
      '3': ['no: another member is not healthy', 'orange'],
      '4': ['no: too few voters', 'orange'],
    },
    cell: 'background',
  },
  {
    title: 'Version',
    label: 'version',
    expr: `max by (site, member, version) (${ofSite('build_info', 'job="mqtt-cluster-broker"')})`,
  },
  { title: 'Clients', expr: sumBy('site, member', ofSite('clients_connected')), unit: 'short' },
  {
    title: 'Lag',
    expr: `${recorded('member:mqtt_cluster_lag_entries:max')} or on (site, member) ${sumBy('site, member', `${ofSite('raft_is_leader')} == 1`)} * 0`,
    unit: 'short',
    thresholds: [
      [null, 'text'],
      [100, 'yellow'],
      [1_000, 'red'],
    ],
  },
  {
    title: 'Sync p99',
    expr: recorded('member:mqtt_cluster_store_sync_seconds:p99_5m'),
    unit: 's',
    thresholds: [
      [null, 'text'],
      [0.1, 'yellow'],
      [0.25, 'red'],
    ],
  },
  {
    title: 'Loop p99',
    expr: recorded('member:mqtt_cluster_event_loop_delay_seconds:p99_5m'),
    unit: 's',
    thresholds: [
      [null, 'text'],
      [0.1, 'yellow'],
      [0.2, 'red'],
    ],
  },
  {
    title: 'Processor',
    expr: sumBy('site, member', rate(`process_cpu_seconds_total{${ofBrokers}}`)),
    unit: 'percentunit',
    decimals: 0,
    thresholds: [
      [null, 'text'],
      [0.7, 'yellow'],
      [0.9, 'red'],
    ],
  },
  {
    title: 'Disk used',
    expr: sumBy('site, member', `1 - ${ofSite('data_disk_free_bytes')} / ${ofSite('data_disk_size_bytes')}`),
    unit: 'percentunit',
    decimals: 0,
    thresholds: [
      [null, 'green'],
      [0.8, 'orange'],
      [0.95, 'red'],
    ],
    cell: 'gauge',
  },
  {
    title: 'Uptime',
    expr: `time() - ${sumBy('site, member', ofSite('start_time_seconds', 'job="mqtt-cluster-broker"'))}`,
    unit: 's',
    decimals: 1,
    thresholds: [
      [null, 'orange'],
      [600, 'text'],
    ],
  },
  {
    title: 'Console',
    label: 'instance',
    expr: `max by (site, member, instance) (${up})`,
    links: [{ title: 'Web console of the member', url: 'http://${__value.raw}/' }],
  },
];

export const membersTable = rowsPanel(
  'Members',
  'One line for each member. May be stopped now: the cluster keeps its majority without this member, and all other members ' +
    'are healthy. Lag: entries of the log that the member lacks. Sync and loop: the slowest syncs of the disk and event loop ' +
    'delays of five minutes. Processor: share of one core. Values at the bound of an alert are red.',
  columns,
  10,
);
