import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { metricCatalogue } from '@mqtt-cluster/metric-catalogue';
import {
  alertRules,
  readRuleFiles,
  recordingRules,
  selectorTexts,
  interpolateVariables,
} from '@mqtt-cluster/monitoring';
import { annotations, dashboards } from '@mqtt-cluster/monitoring/dashboards';
import { requiring } from '@mqtt-cluster/testing';
import {
  alertsAfterKill,
  measureCounts,
  checkFailover,
  countMismatches,
  MonitoredLab,
} from '../src/index.ts';
import type { FailoverFindings } from '../src/index.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const monitoring = join(root, 'monitoring');
const ruleFiles = readRuleFiles(monitoring);
const dist = join(root, 'dist');
const startMsMax = 240_000;
const membersInTest = 3;
/** Port range of this test. Labs that tests of other packages run at the same time use other ranges. */
const firstPortShift = 4;

/**
 * Selectors without data in a lab: a lab uses no TLS and no files of users, so it has no certificates and watches no file,
 * it runs no node exporter, Alertmanager and HAProxy, it takes no backups, and it has no link to another broker.
 */
const absentHere =
  /(certificate|revocation_list)_expiry_timestamp_seconds|file_refused|job=~"mqtt-cluster-client\|node|^(node|alertmanager|haproxy|mqtt_cluster_link|mqtt_cluster_backup)_|^prometheus_notifications_errors_total/;

/** Metrics that stay at 0 in a short run in which only the killed member fails. */
const zeroWithoutFaults = `takeovers_total publish_refusals_total publish_rate_pauses_total home_queued_messages outbox_batches held_publishes
  outbox_bytes dropped_messages_total snapshots_total snapshot_last_bytes snapshot_seconds store_snapshot_write_seconds
  alarms_total bridge_refused_frames_total store_writes_refused_total publisher_failed_total publisher_failovers_total
  certificate_expiry_timestamp_seconds revocation_list_expiry_timestamp_seconds watchdog_interval_seconds watchdog_feeds_total client_duplicates_total
  client_out_of_order_total client_violations client_foreign_total client_connect_failures_total
  client_second_copies_removed_total wills_fired_total sessions_ended_total subscription_refusals_total
  client_limit_hits_total password_cache_hits_total password_hash_queue_length password_hash_seconds admin_requests_total
  bridge_refused_connections_total memory_pressure file_refused link_running link_enabled link_connected
  link_lag_messages link_lag_seconds link_sent_total link_received_total link_dropped_total link_reconnects_total
  link_possible_duplicates_total link_kept_aside_total`;

/** Metrics that are above 0 only for moments, so that no scrape may catch them. */
const brieflyNonZero = `in_flight_messages proposals_pending queued_messages queued_bytes raft_peer_lag_entries
  bridge_backlog_bytes bridge_dropped_messages_total client_missing_messages connection_refusals_total
  state_digest_index unauthenticated_connections`;

const mayBeZero: ReadonlySet<string> = new Set(
  `${zeroWithoutFaults} ${brieflyNonZero}`.split(/\s+/).map((name) => `mqtt_cluster_${name}`),
);

interface Expected {
  readonly from: string;
  readonly query: string;
  /** The case in which the query may return no series; undefined if it must return data. */
  readonly emptyWhen?: string | undefined;
}

/**
 * The selectors of rules and alerts, and the queries of panels, must return data. The complete expressions of rules may
 * return no series.
 */
function expectations(): Expected[] {
  const ofRules = [...recordingRules(ruleFiles), ...alertRules(ruleFiles)].flatMap((rule) => [
    { from: rule.file, query: rule.expr, emptyWhen: 'the rule compares' },
    ...selectorTexts(rule.expr)
      .filter((selector) => !absentHere.test(selector))
      .map((selector) => ({ from: rule.file, query: selector })),
  ]);
  const ofPanels = dashboards.flatMap(({ title: dashboard, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries, emptyWhen }) =>
        queries.map(({ expr }) => ({
          from: `${dashboard}, ${title}`,
          query: interpolateVariables(expr),
          emptyWhen,
        })),
      ),
    ),
  );
  const ofEvents = annotations.map(({ title, expr }) => ({
    from: `annotation ${title}`,
    query: interpolateVariables(expr),
    emptyWhen: 'the event did not happen',
  }));
  return [...ofRules, ...ofPanels, ...ofEvents];
}

function newLab(folder: string, publisherRate: number): MonitoredLab {
  return new MonitoredLab({
    folder,
    members: membersInTest,
    monitoring,
    dist,
    publisherRate,
    firstPortShift,
  });
}

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'pipe' });
  // This test is not a bundle in dist, so the lab cannot find the bundle of the appliance by itself.
  process.env['MQTT_LAB_APPLIANCE'] = join(dist, 'broker-publisher.mjs');
}, startMsMax);

test('every metric in mayBeZero exists in the metric catalogue', () => {
  const known = metricCatalogue.map(({ name }) => name);
  expect([...mayBeZero].filter((name) => !known.includes(name))).toEqual([]);
});

requiring('prometheus')('a Prometheus that scrapes a cluster with a killed member', () => {
  let folder = '';
  let lab: MonitoredLab;
  let findings: FailoverFindings;
  let fromSeconds = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-monitoring-'));
    lab = newLab(folder, 10);
    fromSeconds = Date.now() / 1_000;
    await lab.start();
    findings = await checkFailover(lab, () => undefined);
  }, 2 * startMsMax);

  afterAll(async () => {
    await lab.stop(false);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('fires the alerts after the kill and clears the alerts after the restart of the member', () => {
    expect(findings.alerts).toEqual(alertsAfterKill);
  });

  it('shows the failover gap that the application reports, exact to one scrape interval', () => {
    const { application, prometheus } = findings.gapMs;
    expect(Math.abs(application - prometheus)).toBeLessThan(1_000);
  });

  it('returns data for every query of all panels, rules, alerts and annotations, unless the query may be empty', async () => {
    const problems: string[] = [];
    for (const { from, query, emptyWhen } of expectations()) {
      try {
        const series = await lab.api.range(query, fromSeconds, Date.now() / 1_000);
        const someData = series.some(({ samples }) => samples.some(([, value]) => !Number.isNaN(value)));
        if (!someData && emptyWhen === undefined) problems.push(`${from}: no data: ${query}`);
      } catch (error) {
        problems.push(`${from}: ${String(error)}`);
      }
    }
    expect(problems).toEqual([]);
  }, 240_000);

  it('has a value for every label in the legends of the dashboards', async () => {
    const problems = new Set<string>();
    const ofPanels = dashboards.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels));
    for (const { title, queries } of ofPanels) {
      for (const { expr, legend } of queries) {
        const names = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name ?? '');
        const series = await lab.api.range(interpolateVariables(expr), fromSeconds, Date.now() / 1_000, 5);
        for (const { labels } of series)
          for (const name of names) if (!labels[name]) problems.add(`${title}: no ${name} in ${legend}`);
      }
    }
    expect([...problems]).toEqual([]);
  }, 240_000);

  it('shows a value other than 0 for every metric that is not in mayBeZero', async () => {
    const dark: string[] = [];
    for (const { name, type } of metricCatalogue) {
      const series = type === 'histogram' ? `${name}_count` : name;
      if (mayBeZero.has(name)) continue;
      const most = await lab.api.value(`max(max_over_time(${series}[10m]))`);
      if (most === null || most === 0) dark.push(name);
    }
    expect(dark).toEqual([]);
  }, 120_000);

  it('evaluates every rule without an error and records a series for each recording rule', async () => {
    expect(await lab.api.ruleErrors()).toEqual([]);
    const missing: string[] = [];
    for (const { record } of recordingRules(ruleFiles)) {
      const series = await lab.api.range(record, fromSeconds, Date.now() / 1_000);
      if (series.length === 0) missing.push(record);
    }
    expect(missing).toEqual([]);
  }, 120_000);

  it('serves the runbook to which an alert links', async () => {
    const answer = await fetch(`${lab.api.url}/user/runbooks/MqttClusterMemberDown.md`);
    expect(await answer.text()).toMatch(/^# MqttClusterMemberDown/);
  });
});

requiring('prometheus')('the verifying load of the lab', () => {
  let folder = '';
  let lab: MonitoredLab;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-monitoring-'));
    lab = newLab(folder, 0);
    await lab.start();
  }, startMsMax);

  afterAll(async () => {
    await lab.stop(false);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('has the same packet counts in Prometheus as in the verdict of the lab', async () => {
    const findings = await measureCounts(lab, 3_000);
    expect(findings.pairs.map(({ lab: counted }) => counted > 0)).toEqual([true, true, true, true]);
    expect(countMismatches(findings)).toEqual([]);
  }, 240_000);
});
