import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChildProgram, findProgram } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { freePorts, host, requiring, until } from '@mqtt-cluster/testing';
import { startCluster } from '../src/index.ts';
import type { RunningCluster } from '../src/index.ts';
import { RecordingClient } from './support/recording-client.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const startMsMax = 240_000;
/** Port range of this test. Labs that tests of other packages run at the same time use other ranges. */
const firstPortShift = 5;
/** Messages in each direction. The member that runs the link is killed while they are published. */
const messages = 300;
const publishIntervalMs = 10;

let folder = '';
let lab: RunningCluster;
let mosquitto: ChildProgram;
let other: ServerAddress;
const clients: RecordingClient[] = [];

async function connect(server: ServerAddress, clientId: string): Promise<RecordingClient> {
  const client = await RecordingClient.connect(server, clientId);
  clients.push(client);
  return client;
}

async function startMosquitto(): Promise<void> {
  const [port = 0] = await freePorts(1);
  const file = join(folder, 'mosquitto.conf');
  const lines = [`listener ${port} ${host}`, 'allow_anonymous true', 'max_queued_messages 0'];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const logFile = join(folder, 'mosquitto.log');
  mosquitto = new ChildProgram({ command: findProgram('mosquitto')!, args: ['-c', file], logFile });
  other = { id: 'mosquitto', host, port };
}

interface LinkState {
  readonly state: string;
  readonly member: string | null;
  readonly possibleDuplicates: number;
}

/** Sends a request for links to a member. */
async function ask(id: string, method: string, path: string, body?: object): Promise<Response> {
  const { host: memberHost, httpPort } = lab.cluster.layout.members.find((member) => member.id === id)!;
  return fetch(`http://${memberHost}:${httpPort}/api/v1/links${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-mqtt-cluster': '1' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function link(id: string): Promise<LinkState> {
  const { links } = (await (await ask(id, 'GET', '')).json()) as { links: LinkState[] };
  return links[0]!;
}

requiring('mosquitto')('a link whose member is killed', () => {
  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'pipe' });
    process.env['MQTT_LAB_APPLIANCE'] = join(root, 'dist', 'broker-publisher.mjs');
    folder = mkdtempSync(join(tmpdir(), 'link-'));
    await startMosquitto();
    lab = await startCluster({ folder: join(folder, 'lab'), members: 3, firstPortShift });
  }, startMsMax);

  afterAll(async () => {
    for (const client of clients.splice(0)) client.close();
    await lab.end(false);
    await mosquitto.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('continues at another member: nothing is lost at QoS 1, and nothing is lost or repeated at QoS 2', async () => {
    const definition = {
      addresses: [`mqtt://${other.host}:${other.port}`],
      rules: [
        { direction: 'out', filter: 'up/#', qosMax: 2 },
        { direction: 'in', filter: 'down/#', qosMax: 2 },
      ],
    };
    await until(async () => (await ask('m1', 'PUT', '/plant', definition)).status === 200);
    await until(async () => (await link('m1')).state === 'connected');
    const { member: runner } = await link('m1');
    const home = lab.cluster.layout.members.find(({ id }) => id !== runner)!;
    const here = await connect({ id: home.id, host: home.host, port: home.mqttPort }, 'here');
    const there = await connect(other, 'there');
    await here.subscribe('down/#', 2);
    await there.subscribe('up/#', 2);
    // The subscription of the link at mosquitto is in force when a message passes.
    there.publish('down/ready', 'x');
    await here.receivesAll(['down/ready']);

    const names = Array.from({ length: messages }, (_, number) => `${1 + (number % 2)}/${number}`);
    for (const [number, name] of names.entries()) {
      const qos = number % 2 === 0 ? 1 : 2;
      here.publish(`up/${name}`, 'x', false, qos);
      there.publish(`down/${name}`, 'x', false, qos);
      if (number === messages / 3) await lab.cluster.fault('kill', [[runner!]]);
      await sleep(publishIntervalMs);
    }
    await Promise.all([here.acknowledged(), there.acknowledged()]);
    await here.receivesAll(names.map((name) => `down/${name}`));
    await there.receivesAll(names.map((name) => `up/${name}`));
    const after = await link(home.id);
    expect(after.member).not.toBe(runner);
    expect(after.possibleDuplicates).toBe(0);

    // A message behind the others shows that no further copy follows.
    here.publish('up/end', 'x', false, 2);
    there.publish('down/end', 'x', false, 2);
    await here.receivesAll(['down/end']);
    await there.receivesAll(['up/end']);
    const exactlyOnce = names.filter((name) => name.startsWith('2/'));
    expect(exactlyOnce.filter((name) => there.count(`up/${name}`) !== 1)).toEqual([]);
    expect(exactlyOnce.filter((name) => here.count(`down/${name}`) !== 1)).toEqual([]);
  });
});
