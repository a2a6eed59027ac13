import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ChildProgram, findProgram, freePort } from '@mqtt-cluster/kit';
import { globalModules, requiring, systemPython, until } from '@mqtt-cluster/testing';
import { startCluster } from '../src/index.ts';
import type { RunningCluster } from '../src/index.ts';
import type { MemberPlace } from '../src/layout.ts';
import { recipe } from './support/recipes.ts';
import { RecordingClient } from './support/recording-client.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);
const startMsMax = 240_000;
/** Port range of this test. Labs that tests of other packages run at the same time use other ranges. */
const firstPortShift = 9;

let folder = '';
let lab: RunningCluster;
let proxyPort = 0;
let started = 0;
const programs: ChildProgram[] = [];
const clients: RecordingClient[] = [];

function members(): readonly MemberPlace[] {
  return lab.cluster.layout.members;
}

function documented(heading: string, language: string, document = 'INTEGRATE.md'): string {
  return recipe(document, heading, language, { members: members(), proxyPort });
}

/** Writes a file of a recipe, and returns its path. */
function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Starts a program whose output {@link output} returns. */
function start(command: string, args: readonly string[], environment = process.env): ChildProgram {
  const logFile = join(folder, `${++started}.log`);
  const program = new ChildProgram({ command: findProgram(command) ?? command, args, logFile, environment });
  programs.push(program);
  return program;
}

function output(program: ChildProgram): string {
  return readFileSync(program.logFile, 'utf8');
}

/** Waits until a client has subscriptions, and returns the member that it is connected to. */
async function homeOf(clientId: string): Promise<MemberPlace> {
  let home: MemberPlace | undefined;
  await until(async () => {
    const { host, httpPort } = members().find((member) => member !== home) ?? members()[0]!;
    const answer = await fetch(`http://${host}:${httpPort}/api/v1/clients/${clientId}`);
    if (answer.status !== 200) return false;
    const client = (await answer.json()) as { member: string; connected: boolean; subscriptions: number };
    home = client.connected ? members().find(({ id }) => id === client.member) : undefined;
    return home !== undefined && client.subscriptions > 0;
  });
  return home!;
}

/** Connects a client to a member that is not the home of the program. */
async function connectBeside(home: MemberPlace, clientId: string): Promise<RecordingClient> {
  const { id, host, mqttPort } = members().find((member) => member !== home)!;
  const client = await RecordingClient.connect({ id, host, port: mqttPort }, clientId);
  clients.push(client);
  return client;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function kill({ id }: MemberPlace): Promise<void> {
  await lab.cluster.fault('kill', [[id]]);
}

/** Publishes to a program that subscribes to `plant/#` and prints, before and after its member is killed. */
async function survivesKill(clientId: string, printed: () => string): Promise<void> {
  const home = await homeOf(clientId);
  const publisher = await connectBeside(home, `${clientId}-publisher`);
  publisher.publish('plant/line1', 'before');
  await until(() => printed().includes('plant/line1 before'));
  await kill(home);
  publisher.publish('plant/line1', 'after');
  await until(() => printed().includes('plant/line1 after'));
}

requiring(
  'haproxy',
  'mosquitto_pub',
  'paho-mqtt',
  'node-red',
  'sparkplug-client',
  'prometheus-mqtt-exporter',
)('a recipe of docs/INTEGRATE.md whose member is killed', () => {
  let proxy: ChildProgram;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'pipe' });
    process.env['MQTT_LAB_APPLIANCE'] = join(root, 'dist', 'broker-publisher.mjs');
    folder = mkdtempSync(join(tmpdir(), 'integrate-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    lab = await startCluster({ folder: join(folder, 'lab'), members: 3, firstPortShift });
    proxyPort = await freePort('127.0.0.1');
    const configuration = write(
      'haproxy.cfg',
      documented('One address for programs that know only one', 'haproxy'),
    );
    proxy = start('haproxy', ['-db', '-f', configuration]);
    programs.pop();
    await until(() => accepts(proxyPort));
  }, startMsMax);

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const program of programs.splice(0)) await program.kill();
    await lab.cluster.restore();
  });

  afterAll(async () => {
    await proxy.kill();
    await lab.end(false);
    rmSync(folder, { recursive: true, force: true });
  });

  it("continues with mosquitto's clients", async () => {
    const [subscribe = '', publish = ''] = documented("mosquitto's clients", 'sh').split(' &\n');
    const subscriber = start('bash', ['-c', `exec ${subscribe}`]);
    await homeOf('alice');
    await run('bash', ['-c', publish]);
    await until(() => output(subscriber).includes('plant/line1 hello'));
    await survivesKill('alice', () => output(subscriber));
  });

  it('continues with paho', async () => {
    // The program of the document continues with other work. Here it prints and waits.
    const script = write(
      'boiler.py',
      `${documented('paho (Python)', 'python', 'CLIENTS.md').replace('"boilers/+/setpoint"', '"plant/#"')}
client.on_message = lambda client, userdata, message: print(message.topic, message.payload.decode(), flush=True)
import threading
threading.Event().wait()
`,
    );
    const program = start(systemPython, [script]);
    await survivesKill('boiler-7', () => output(program));
  });

  it('continues with MQTT.js', async () => {
    const program = start(process.execPath, [write('dashboard.mjs', documented('MQTT.js', 'js'))]);
    await survivesKill('dashboard-1', () => output(program));
  });

  it('continues with Node-RED', async () => {
    const directory = join(folder, 'node-red');
    mkdirSync(directory);
    writeFileSync(join(directory, 'flows.json'), documented('Node-RED', 'json'));
    const settings = ['-D', 'mqttReconnectTime=1000', '-D', 'uiHost=127.0.0.1'];
    const port = await freePort('127.0.0.1');
    start('node-red', ['--userDir', directory, '--port', `${port}`, ...settings]);
    const home = await homeOf('node-red-plant');
    const beside = await connectBeside(home, 'operator');
    await beside.subscribe('alarm/#');
    await beside.subscribe('node-red/plant');
    beside.publish('plant/hall/temperature', '35');
    beside.publish('plant/yard/temperature', '12');
    await beside.receivesAll(['alarm/hall/temperature', 'node-red/plant']);
    await kill(home);
    beside.publish('plant/roof/temperature', '36');
    await beside.receivesAll(['alarm/roof/temperature']);
    expect(beside.count('alarm/yard/temperature')).toBe(0);
  });

  it('continues with an edge node of Sparkplug B, which is born again', async () => {
    const script = write('edge.cjs', documented('Sparkplug B', 'js'));
    start(process.execPath, [script], { ...process.env, NODE_PATH: globalModules() });
    const home = await homeOf('sparkplug-press-7');
    const host = await connectBeside(home, 'scada');
    await host.subscribe('spBv1.0/plant/#');
    await host.receivesAll(['spBv1.0/plant/NDATA/press-7']);
    await kill(home);
    await host.receivesAll(['spBv1.0/plant/NBIRTH/press-7']);
    const before = host.count('spBv1.0/plant/NDATA/press-7');
    await host.waitUntil(() => host.count('spBv1.0/plant/NDATA/press-7') > before);
  });

  it('continues with the exporter for Prometheus', async () => {
    const configuration = write('exporter.yaml', documented('Values for Prometheus', 'yaml'));
    const port = await freePort('127.0.0.1');
    start('prometheus-mqtt-exporter', [
      '-config',
      configuration,
      '-listen-address',
      '127.0.0.1',
      '-listen-port',
      `${port}`,
    ]);
    const commands = documented('Values for Prometheus', 'sh').replace('9641', `${port}`);
    const expected = documented('Values for Prometheus', '');
    await homeOf('mqtt-exporter');
    // Until the exporter has the message, grep finds nothing and fails.
    const shown = async (): Promise<string> =>
      (await run('bash', ['-c', `${commands.trim()} || true`])).stdout;
    // A sample has the time of its message behind the value.
    await until(async () => (await shown()).replace(/ \d+$/m, '') === expected);

    const home = await homeOf('mqtt-exporter');
    await kill(home);
    const beside = await connectBeside(home, 'sensor');
    beside.publish('plant/hall/climate', '{"temperature": 22.5}', true);
    const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await until(async () => (await metrics()).includes('topic="plant/hall/climate"} 22.5'));
  });
});
