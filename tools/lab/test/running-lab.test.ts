import { connect } from 'node:net';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments } from '../src/arguments.ts';
import type { Arguments } from '../src/arguments.ts';
import { askLab } from '../src/cluster/control.ts';
import type { LabStatus } from '../src/cluster/control.ts';
import { readLabFile } from '../src/cluster/lab-file.ts';
import { fault as runFault } from '../src/commands/control-commands.ts';
import { portSettings, startLab } from '../src/commands/running-lab.ts';
import type { RunningLab } from '../src/commands/running-lab.ts';

const settings = { publisherRate: 0, logLevel: 'info', shiftPorts: true };

let folder = '';
let runningLab: RunningLab | null = null;

beforeEach(() => {
  process.env['MQTT_LAB_APPLIANCE'] = fileURLToPath(new URL('fake-appliance.mjs', import.meta.url));
  folder = mkdtempSync(join(tmpdir(), 'lab-test-'));
});

afterEach(async () => {
  await runningLab?.end(false);
  runningLab = null;
  rmSync(folder, { recursive: true, force: true });
});

function given(...more: string[]): Arguments {
  return readArguments(['up', '--members', '3', '--dir', folder, ...more]);
}

async function up(...more: string[]): Promise<RunningLab> {
  runningLab = await startLab(given(...more), settings, () => undefined);
  return runningLab;
}

async function fault(action: string, ...members: string[]): Promise<void> {
  await askLab(folder, 'POST', '/fault', { action, groups: members.length === 0 ? [] : [members] });
}

/** Runs `lab fault ...`. */
function faultCommand(...rest: string[]): Promise<void> {
  return runFault(readArguments(['fault', ...rest, '--dir', folder]));
}

async function member(id: string) {
  const { members } = (await askLab(folder, 'GET', '/status')) as LabStatus;
  const found = members.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no member ${id}`);
  return found;
}

describe('a lab', () => {
  test('records its members in lab.json when it starts, and leaves no process and no data when it ends', async () => {
    const { end } = await up();
    const file = readLabFile(folder);
    expect(file?.members.map(({ id }) => id)).toEqual(['m1', 'm2', 'm3']);
    const pids = file?.members.map(({ pid }) => pid ?? 0) ?? [];
    for (const pid of pids) expect(process.kill(pid, 0)).toBe(true);
    await end(false);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
    expect(readLabFile(folder)).toBeNull();
    expect(existsSync(join(folder, 'm1', 'data'))).toBe(false);
  });

  test('keeps the data of a member that is killed and started, and deletes the data of a member with the fault wipe', async () => {
    await up();
    await fault('kill', '1');
    expect(await member('m1')).toMatchObject({ process: 'killed', pid: null, status: null });
    await fault('start', 'm1');
    expect(await member('m1')).toMatchObject({ process: 'running', status: { appliedIndex: 2 } });
    await fault('stop', 'm1');
    expect((await member('m1')).process).toBe('stopped');
    await fault('start', 'm1');
    expect((await member('m1')).status?.appliedIndex).toBe(3);
    await fault('wipe', 'm1');
    await fault('start', 'm1');
    expect((await member('m1')).status?.appliedIndex).toBe(1);
  });

  test('keeps the process of a member that is paused and resumed', async () => {
    await up();
    const { pid } = await member('m2');
    await fault('pause', 'm2');
    expect(await member('m2')).toMatchObject({ process: 'paused', pid, status: null });
    await fault('resume', 'm2');
    expect(await member('m2')).toMatchObject({ process: 'running', pid });
  });

  test('reports cut and slow links until the heal', async () => {
    await up();
    await fault('cut', 'm1', 'm2');
    await fault('slow', 'm3');
    const links = async () => [
      (await member('m1')).link,
      (await member('m2')).link,
      (await member('m3')).link,
    ];
    expect(await links()).toEqual(['cut', 'cut', 'slow']);
    await fault('heal');
    expect(await links()).toEqual(['ok', 'ok', 'ok']);
  });

  test('reports one-way, throttled, lossy and flapping links until the heal', async () => {
    await up();
    await faultCommand('one-way', '1', '/', '2');
    await faultCommand('throttle', '3=1mbit');
    expect([(await member('m1')).link, (await member('m2')).link]).toEqual(['one-way', 'one-way']);
    expect((await member('m3')).link).toBe('throttle');
    await faultCommand('heal');
    await faultCommand('loss:2');
    await faultCommand('flap', '127.0.0.57');
    expect([(await member('m1')).link, (await member('m2')).link]).toEqual(['ok', 'loss']);
    expect((await member('m3')).link).toBe('flap');
    await faultCommand('heal');
    expect([(await member('m2')).link, (await member('m3')).link]).toEqual(['ok', 'ok']);
  });

  test('keeps faults of a disk and a clock in effect during a restart of the member, and ends the faults with the heal', async () => {
    await up();
    const file = join(folder, 'm2', 'faults.json');
    const applied = (): unknown => JSON.parse(readFileSync(`${file}.applied`, 'utf8'));
    await faultCommand('full-disk', '2');
    await faultCommand('slow-disk', 'm2=200ms');
    await faultCommand('clock', '2=-5s');
    expect(applied()).toEqual({ disk: { full: true, slowMs: 200 }, clockMs: -5_000 });
    expect((await member('m2')).faults).toBe('disk full, disk +200 ms, clock -5000 ms');
    await fault('kill', 'm2');
    await fault('start', 'm2');
    expect((await member('m2')).faults).not.toBe('');
    await faultCommand('heal');
    expect(applied()).toEqual({ disk: { full: false, slowMs: 0 }, clockMs: 0 });
    expect((await member('m2')).faults).toBe('');
  });

  test('restarts each member once with the fault rolling', async () => {
    await up();
    await faultCommand('rolling');
    const { members } = (await askLab(folder, 'GET', '/status')) as LabStatus;
    expect(members.map(({ process, status }) => [process, status?.appliedIndex])).toEqual([
      ['running', 2],
      ['running', 2],
      ['running', 2],
    ]);
  });

  test('connects members through link proxies, and refuses connections to a killed member', async () => {
    const { cluster } = await up();
    const [first, second] = cluster.layout.members;
    if (first === undefined || second === undefined) throw new Error('no members');
    const open = () => connect(cluster.layout.linkPort(first, second), first.host);
    const socket = open();
    socket.write('frame');
    expect(String((await once(socket, 'data'))[0])).toBe('frame');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await fault('kill', 'm2');
    await closed;
    const [error] = (await once(open(), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('rejects an unknown member, an unknown fault, and a pause of a member that is not running', async () => {
    await up();
    await expect(fault('kill', '9')).rejects.toThrow('unknown member "9" (members: m1, m2, m3)');
    await expect(fault('explode', '1')).rejects.toThrow('unknown fault "explode"');
    await fault('kill', '1');
    await expect(fault('pause', '1')).rejects.toThrow('m1 is not running');
  });

  test('uses the port range of --ports or a higher one, and without it only the default ports', async () => {
    const arguments_ = given('--ports', '3');
    const range = portSettings(arguments_);
    runningLab = await startLab(
      arguments_,
      { publisherRate: 0, logLevel: 'info', ...range },
      () => undefined,
    );
    const [first] = runningLab.cluster.layout.members;
    expect([4883, 5883, 6883, 7883, 8883, 9883, 10883]).toContain(first?.mqttPort);
    expect(portSettings(given())).toEqual({});
    expect(() => given('--ports', '10')).toThrow('--ports');
  });

  test('reports a member that fails to start, and leaves no lab.json', async () => {
    await expect(up('--set', 'fail=true')).rejects.toThrow(/m\d ended unexpectedly \(status 3\)/);
    expect(readLabFile(folder)).toBeNull();
  });

  test('fails to start if an address and port are in use, and reports them', async () => {
    const { cluster } = await up();
    const first = cluster.layout.members[0];
    const { checkPortsFree } = await import('../src/layout.ts');
    await expect(checkPortsFree(cluster.layout)).rejects.toThrow(
      `member m1 cannot listen at ${first?.host}:${first?.mqttPort}: the address is already in use`,
    );
  });
});
