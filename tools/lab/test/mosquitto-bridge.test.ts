import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChildProgram, findProgram } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { freePorts, host, requiring } from '@mqtt-cluster/testing';
import { startCluster } from '../src/index.ts';
import type { RunningCluster } from '../src/index.ts';
import { RecordingClient } from './support/recording-client.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const startMsMax = 240_000;
/** Port range of this test. Labs that tests of other packages run at the same time use other ranges. */
const firstPortShift = 6;
/** Messages in each direction. The member of the bridge is killed while they are published. */
const messages = 300;
const publishIntervalMs = 10;
const stateTopics = '$SYS/broker/connection/+/state';

let folder = '';
let lab: RunningCluster;
const programs: ChildProgram[] = [];
const clients: RecordingClient[] = [];

async function connect(server: ServerAddress, clientId: string): Promise<RecordingClient> {
  const client = await RecordingClient.connect(server, clientId);
  clients.push(client);
  return client;
}

function members(): ServerAddress[] {
  return lab.cluster.layout.members.map((member) => ({
    id: member.id,
    host: member.host,
    port: member.mqttPort,
  }));
}

/** Returns the configuration of a bridge in docs/MOSQUITTO-BRIDGE.md, with the addresses of the members. */
function documentedBridge(): string[] {
  const page = readFileSync(join(root, 'docs', 'MOSQUITTO-BRIDGE.md'), 'utf8');
  const [, block = ''] = /```\n(.*?)```/s.exec(page) ?? [];
  const addresses = members().map((member) => `${member.host}:${member.port}`);
  return block
    .split('\n')
    .map((line) => line.trim().replace(/^addresses .*/, `addresses ${addresses.join(' ')}`))
    .filter((line) => line !== '');
}

/** Starts mosquitto with the documented bridge to all members. */
async function startBridge(version: string): Promise<{ local: ServerAddress; program: ChildProgram }> {
  const [port = 0] = await freePorts(1);
  const lines = [
    `listener ${port} ${host}`,
    'allow_anonymous true',
    // Without this setting a mosquitto that root starts changes to a user that cannot read the folder.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    'max_queued_messages 0',
    ...documentedBridge(),
    `bridge_protocol_version ${version}`,
    `remote_clientid cluster-${version}`,
  ];
  const file = join(folder, `${version}.conf`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const logFile = join(folder, `${version}.log`);
  const program = new ChildProgram({ command: findProgram('mosquitto')!, args: ['-v', '-c', file], logFile });
  programs.push(program);
  return { local: { id: 'mosquitto', host, port }, program };
}

async function connectionsOf(id: string): Promise<number> {
  const report = (await lab.cluster.report()).find((member) => member.id === id);
  return report?.status?.connections ?? 0;
}

requiring('mosquitto')('a mosquitto bridge with default settings', () => {
  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'pipe' });
    process.env['MQTT_LAB_APPLIANCE'] = join(root, 'dist', 'broker-publisher.mjs');
    folder = mkdtempSync(join(tmpdir(), 'mosquitto-bridge-'));
    lab = await startCluster({ folder: join(folder, 'lab'), members: 3, firstPortShift });
  }, startMsMax);

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const program of programs.splice(0)) await program.kill();
    await lab.cluster.restore();
  });

  afterAll(async () => {
    await lab.end(false);
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(['mqttv31', 'mqttv311', 'mqttv50'])(
    'loses no QoS 1 message, returns no message to its sender and keeps RETAIN, also when its member is killed (%s)',
    async (version) => {
      const [, second, third] = members();
      const { local, program } = await startBridge(version);
      const cluster = await connect(second!, `member-${version}`);
      await cluster.subscribe('#');
      await cluster.subscribe(stateTopics);
      const states = (): string[] =>
        cluster.received.filter(isStateOf(version)).map(({ payload }) => payload.toString());
      await cluster.waitUntil(() => states().includes('1'));
      const behind = await connect(local, 'local');
      await behind.subscribe('#');
      expect(await connectionsOf('m1')).toBe(1);

      const down = Array.from({ length: messages }, (_, number) => `${version}/down/${number}`);
      const up = Array.from({ length: messages }, (_, number) => `${version}/up/${number}`);
      for (let number = 0; number < messages; number++) {
        cluster.publish(down[number]!, 'x');
        behind.publish(up[number]!, 'x');
        if (number === messages / 3) await lab.cluster.fault('kill', [['m1']]);
        await sleep(publishIntervalMs);
      }
      cluster.publish(`${version}/retained/down`, 'd', true);
      behind.publish(`${version}/retained/up`, 'u', true);
      await Promise.all([cluster.acknowledged(), behind.acknowledged()]);
      await cluster.receivesAll([...up, `${version}/retained/up`]);
      await behind.receivesAll([...down, `${version}/retained/down`]);

      // Each message that came back would arrive before this message, which makes the same way.
      behind.publish(`${version}/end/up`, 'x');
      await cluster.receivesAll([`${version}/end/up`]);
      cluster.publish(`${version}/end/down`, 'x');
      await behind.receivesAll([`${version}/end/down`]);
      behind.publish(`${version}/end/up-2`, 'x');
      await cluster.receivesAll([`${version}/end/up-2`]);
      // Each publisher receives its own messages once: a second copy would have come through the bridge.
      expect(down.filter((topic) => cluster.count(topic) !== 1)).toEqual([]);
      expect(up.filter((topic) => behind.count(topic) !== 1)).toEqual([]);

      const laterAtCluster = await connect(third!, `later-${version}`);
      await laterAtCluster.subscribe(`${version}/retained/#`);
      await laterAtCluster.receivesAll([`${version}/retained/up`, `${version}/retained/down`]);
      const laterBehind = await connect(local, 'later');
      await laterBehind.subscribe(`${version}/retained/#`);
      await laterBehind.receivesAll([`${version}/retained/up`, `${version}/retained/down`]);
      for (const later of [laterAtCluster, laterBehind])
        expect(later.received.map(({ retain }) => retain)).toEqual([true, true]);

      await cluster.waitUntil(() => states().at(-1) === '1');
      await program.kill();
      await cluster.waitUntil(() => states().at(-1) === '0');
    },
  );
});

function isStateOf(version: string) {
  return ({ topic }: { readonly topic: string }): boolean =>
    topic.startsWith('$SYS/broker/connection/') && topic.includes(`cluster-${version}`);
}
