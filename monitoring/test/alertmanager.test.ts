import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring } from '@mqtt-cluster/testing';
import { parse } from 'yaml';
import { alertRules, findProgram } from '../src/index.ts';
import { monitoring, ruleFiles } from './support.ts';

const configuration = join(monitoring, 'alertmanager', 'alertmanager.yml');
const startMsMax = 60_000;
const pollMs = 100;
const lifeMs = 3_600_000;
const alerts = alertRules(ruleFiles);

type Labels = Readonly<Record<string, string>>;

function named(alertname: string, more: Labels = {}): Labels {
  const severity = alerts.find(({ alert }) => alert === alertname)?.labels['severity'];
  if (severity === undefined) throw new Error(`no alert ${alertname}`);
  return { alertname: alertname, severity, site: 'north', ...more };
}

requiring('amtool')('amtool', () => {
  it('accepts the configuration of Alertmanager', () => {
    expect(
      execFileSync(findProgram('amtool'), ['check-config', configuration], { encoding: 'utf8' }),
    ).toContain('SUCCESS');
  });

  it.each([
    ['critical', 'now'],
    ['warning', 'day'],
    ['info', 'record'],
  ])('reports that an alert with severity %s is sent to the receiver "%s"', (severity, receiver) => {
    const argv = ['config', 'routes', 'test', `--config.file=${configuration}`, `severity=${severity}`];
    expect(execFileSync(findProgram('amtool'), argv, { encoding: 'utf8' }).trim()).toBe(receiver);
  });
});

requiring('amtool')("the dead man's switch", () => {
  it('goes to the receiver "dead-man" and to no other', () => {
    const argv = ['config', 'routes', 'test', `--config.file=${configuration}`];
    const labels = ['severity=none', 'alertname=MqttClusterWatchdog'];
    expect(execFileSync(findProgram('amtool'), [...argv, ...labels], { encoding: 'utf8' }).trim()).toBe(
      'dead-man',
    );
  });
});

describe('the configuration of Alertmanager', () => {
  it('contains only existing alerts in its inhibition rules', () => {
    const { inhibit_rules: rules } = parse(readFileSync(configuration, 'utf8')) as { inhibit_rules: unknown };
    const text = JSON.stringify(rules).replaceAll(/MqttCluster\(([^)]*)\)/g, (_, names: string) =>
      names
        .split('|')
        .map((name) => `MqttCluster${name}`)
        .join(' '),
    );
    const known = alerts.map(({ alert }) => alert);
    const mentioned = [...text.matchAll(/MqttCluster[A-Za-z]+/g)].map(([name]) => name);
    expect(mentioned.length).toBeGreaterThan(0);
    expect(mentioned.filter((name) => !known.includes(name))).toEqual([]);
  });
});

requiring('prometheus-alertmanager')('Alertmanager', () => {
  let folder = '';
  let url = '';
  let child: ChildProcess | null = null;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-alertmanager-'));
    const [port] = await freePorts(1);
    url = `http://${host}:${port}`;
    child = spawn(
      findProgram('prometheus-alertmanager'),
      [
        `--config.file=${configuration}`,
        `--storage.path=${folder}`,
        `--web.listen-address=${host}:${port}`,
        '--cluster.listen-address=',
      ],
      { stdio: 'ignore' },
    );
    const deadline = performance.now() + startMsMax;
    const ready = async (): Promise<boolean> =>
      (await fetch(`${url}/-/ready`).catch(() => null))?.ok === true;
    while (!(await ready())) {
      if (performance.now() > deadline || child.exitCode !== null)
        throw new Error('Alertmanager did not start');
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }, startMsMax + 10_000);

  afterAll(async () => {
    const running = child;
    if (running !== null && running.exitCode === null) {
      const gone = new Promise((resolve) => running.once('exit', resolve));
      running.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * Posts alerts, waits until Alertmanager has evaluated all of them, and returns the names of the alerts
   * that are not inhibited.
   */
  async function notified(fire: readonly Labels[], expected: number): Promise<string[]> {
    const site = `site-${Math.random().toString(36).slice(2)}`;
    const now = Date.now();
    const times = { startsAt: new Date(now).toISOString(), endsAt: new Date(now + lifeMs).toISOString() };
    const body = JSON.stringify(fire.map((labels) => ({ labels: { ...labels, site }, ...times })));
    await fetch(`${url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const deadline = performance.now() + startMsMax;
    for (;;) {
      const answer = await fetch(`${url}/api/v2/alerts?filter=${encodeURIComponent(`site="${site}"`)}`);
      const found = (await answer.json()) as { labels: Labels; status: { inhibitedBy: string[] } }[];
      const sent = found.filter(({ status }) => status.inhibitedBy.length === 0);
      const settled = found.length === fire.length && sent.length === expected;
      if (settled || performance.now() > deadline)
        return sent.map(({ labels }) => labels['alertname'] ?? '').sort();
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  it('when a host is dead, notifies only of MemberDown', async () => {
    const m3 = { member: 'm3' };
    const fire = [
      named('MqttClusterMemberDown', { ...m3, job: 'mqtt-cluster-broker' }),
      ...[
        'LinkDown',
        'MemberLagging',
        'MemberIsolated',
        'MemberRestarted',
        'MemberRestarting',
        'MemberNotServing',
      ].map((name) => named(`MqttCluster${name}`, m3)),
      ...['SyncSlow', 'EventLoopSlow', 'CommitSlow', 'OutboxNearBound', 'DegradedAcks'].map((name) =>
        named(`MqttCluster${name}`, m3),
      ),
    ];
    expect(await notified(fire, 1)).toEqual(['MqttClusterMemberDown']);
  });

  it('when a host is dead, still notifies of critical alerts and of the alerts of other members', async () => {
    const fire = [
      named('MqttClusterMemberDown', { member: 'm3' }),
      named('MqttClusterMemberLagging', { member: 'm4' }),
      named('MqttClusterMessagesLost', { client: 'app' }),
      named('MqttClusterStateDiffers', { member: 'm3' }),
      named('MqttClusterLinkDown', { member: 'm3' }),
    ];
    expect(await notified(fire, 4)).toEqual([
      'MqttClusterMemberDown',
      'MqttClusterMemberLagging',
      'MqttClusterMessagesLost',
      'MqttClusterStateDiffers',
    ]);
  });

  it('when a file system is full, does not notify that it fills, but still of other file systems', async () => {
    const host1 = { instance: '10.0.0.51:9101', mountpoint: '/' };
    const fire = [
      named('MqttClusterHostDiskFull', host1),
      named('MqttClusterHostDiskFilling', host1),
      named('MqttClusterHostDiskFilling', { ...host1, mountpoint: '/var' }),
      named('MqttClusterHostInodesFilling', host1),
    ];
    expect(await notified(fire, 3)).toEqual([
      'MqttClusterHostDiskFilling',
      'MqttClusterHostDiskFull',
      'MqttClusterHostInodesFilling',
    ]);
  });

  it('when the majority is lost, notifies only of MajorityLost and MemberDown', async () => {
    const fire = [
      named('MqttClusterMajorityLost'),
      named('MqttClusterMemberDown', { member: 'm3' }),
      named('MqttClusterMemberIsolated', { member: 'm1' }),
      named('MqttClusterDegradedAcks', { member: 'm1' }),
      named('MqttClusterNoLeader'),
    ];
    expect(await notified(fire, 2)).toEqual(['MqttClusterMajorityLost', 'MqttClusterMemberDown']);
  });
});
