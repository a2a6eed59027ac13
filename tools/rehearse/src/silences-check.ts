import { ChildProgram, findProgram, freePort, waitFor } from '@mqtt-cluster/kit';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';

const host = '127.0.0.1';
const startMsMax = 60_000;
const lifeMs = 3_600_000;
const site = 'mqtt-cluster';

type Labels = Readonly<Record<string, string>>;

const alertsSchema = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    status: z.object({ silencedBy: z.array(z.string()) }),
  }),
);

const alert = (name: string, labels: Labels = {}): Labels => ({
  alertname: `MqttCluster${name}`,
  site,
  ...labels,
});

/** Alerts that the stop of the member m1 at 192.0.2.1 causes. */
const ofMember: readonly Labels[] = [
  ...['MemberDown', 'MemberRestarted', 'MemberNotServing', 'MemberLagging', 'LinkDown'].map((name) =>
    alert(name, { member: 'm1' }),
  ),
  alert('ScrapeMissing', { member: 'm1', instance: '192.0.2.1:9101' }),
  alert('MajorityAtRisk'),
  alert('ClientFailover', { client: 'app1' }),
];
/** Alerts that the stop of the application at 192.0.2.21 causes. */
const ofClient: readonly Labels[] = [
  alert('ClientDisconnected', { client: 'app1', instance: '192.0.2.21:9110' }),
  alert('ScrapeMissing', { client: 'app1', instance: '192.0.2.21:9110' }),
];
/** Alerts that have another cause. */
const ofOthers: readonly Labels[] = [
  ...['MemberDown', 'MemberRestarting', 'MemberLagging', 'LinkDown'].map((name) =>
    alert(name, { member: 'm10' }),
  ),
  alert('ScrapeMissing', { member: 'm10', instance: '192.0.2.10:9101' }),
  alert('ClientDisconnected', { client: 'app2', instance: '192.0.2.22:9110' }),
  alert('MemberDown', { member: 'm1', site: 'another' }),
  alert('MajorityAtRisk', { site: 'another' }),
  alert('MajorityLost'),
  alert('DiskFull', { member: 'm1' }),
];
interface Case {
  readonly stopped: string;
  /** Extra variables of the playbook. */
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly silenced: readonly Labels[];
}

/** The result of a silence that was created before its host could not be reached any more. */
const created = { results: [{ json: { silenceID: '6b8f2c1a-0000-4000-8000-000000000000' } }] };

const cases: readonly Case[] = [
  { stopped: 'm1', silenced: ofMember },
  {
    stopped: 'm1',
    variables: { maintenance_stops_member: false },
    silenced: ofMember.filter(({ instance }) => instance !== undefined),
  },
  { stopped: 'app1', silenced: ofClient },
  // The playbook continues without a silence: the host is stopped, updated and started in any case.
  { stopped: 'm1', variables: { maintenance_monitoring: 'gone' }, silenced: [] },
  {
    stopped: 'm1',
    variables: { maintenance_monitoring: 'gone', maintenance_silenced: created },
    silenced: [],
  },
];

/**
 * Lets the role `maintenance` silence the alerts of hosts in a real Alertmanager, and end the silences. A host of Alertmanager
 * that cannot be reached stops no playbook.
 * @returns the first alert of the stopped host that is not silenced, alert with another cause that is silenced, or alert that
 *   is still silenced after the end; or null
 */
export async function silencesFault(root: string): Promise<string | null> {
  const command = findProgram('prometheus-alertmanager');
  if (command === null) return 'prometheus-alertmanager is not installed';
  return inFolder('silences', (folder) => faultIn(root, command, folder));
}

async function faultIn(root: string, command: string, folder: string): Promise<string | null> {
  const port = await freePort(host);
  const alertmanager = new ChildProgram({
    command,
    args: [
      `--config.file=${join(root, 'monitoring/alertmanager/alertmanager.yml')}`,
      `--storage.path=${folder}`,
      `--web.listen-address=${host}:${port}`,
      '--cluster.listen-address=',
    ],
    logFile: join(folder, 'alertmanager.log'),
  });
  try {
    const url = `http://${host}:${port}/api/v2/alerts`;
    await waitFor('Alertmanager', async () => ((await fetch(url)).ok ? true : undefined), {
      timeoutMs: startMsMax,
    });
    const endsAt = new Date(Date.now() + lifeMs).toISOString();
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([...ofMember, ...ofClient, ...ofOthers].map((labels) => ({ labels, endsAt }))),
    });
    for (const { stopped, variables = {}, silenced } of cases) {
      const results = join(folder, 'alerts.json');
      const given = { stopped, results, maintenance_alertmanager_port: port, ...variables };
      const fault = await silenceFault(root, results, given, silenced);
      const what = JSON.stringify({ stopped, ...variables });
      if (fault !== null) return `${what}: ${fault}`;
      const after = silencedIn(await (await fetch(url)).text());
      if (after.length > 0) return `${what}: the silence has not ended: ${after.join(', ')}`;
    }
    return null;
  } finally {
    await alertmanager.stop();
  }
}

async function silenceFault(
  root: string,
  results: string,
  variables: Readonly<Record<string, unknown>>,
  expected: readonly Labels[],
): Promise<string | null> {
  const args = ['-i', 'tests/inventories/silences.yml', 'tests/silences.yml'];
  const { status, output } = await playLocally(join(root, 'ansible'), args, { variables });
  if (status !== 0) return firstFailure(output);
  const found = silencedIn(readFileSync(results, 'utf8'));
  const wanted = expected.map(textOf);
  const missing = wanted.find((text) => !found.includes(text));
  if (missing !== undefined) return `the alert ${missing} is not silenced`;
  const wrong = found.find((text) => !wanted.includes(text));
  return wrong === undefined ? null : `the alert ${wrong} has another cause and is silenced`;
}

/** @param answer answer of Alertmanager to GET /api/v2/alerts @returns the silenced alerts */
function silencedIn(answer: string): string[] {
  return alertsSchema
    .parse(JSON.parse(answer))
    .filter(({ status }) => status.silencedBy.length > 0)
    .map(({ labels }) => textOf(labels));
}

function textOf(labels: Labels): string {
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
