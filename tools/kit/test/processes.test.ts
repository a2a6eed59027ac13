import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attemptCommand,
  ChildProgram,
  CommandError,
  cpuSeconds,
  findProgram,
  holdsWithin,
  mainThreadSeconds,
  processActivity,
  processorWaitMs,
  residentBytes,
  runCommand,
} from '../src/index.ts';

const node = process.execPath;
const forever = 'console.log("ready"); setInterval(() => {}, 1_000);';
const deaf = `process.on('SIGTERM', () => {}); ${forever}`;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-kit-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('attemptCommand and runCommand', () => {
  it('return the output of a program and its exit status', async () => {
    const script =
      'process.stdin.on("data", (text) => { console.log(`got ${text}`); console.error(process.env.A); process.exitCode = 3 })';
    const options = { input: 'text', environment: { A: 'from the environment' } };
    expect(await attemptCommand(node, ['-e', script], options)).toEqual({
      status: 3,
      output: 'got text\n',
      errorOutput: 'from the environment\n',
    });
    expect(await runCommand(node, ['-p', 'process.cwd()'], { directory: '/' })).toBe('/\n');
  });

  it('append standard output and standard error to a log file', async () => {
    const logFile = join(folder, 'log');
    await attemptCommand(node, ['-e', 'console.log("first")'], { logFile });
    await attemptCommand(node, ['-e', 'console.error("second")'], { logFile });
    expect(readFileSync(logFile, 'utf8')).toBe('first\nsecond\n');
  });

  it('throw CommandError for a program that fails, does not end in time or does not exist', async () => {
    const failing = runCommand(node, ['-e', 'console.error("no disk"); process.exit(4)']);
    await expect(failing).rejects.toThrow(/ended with status 4: no disk$/);
    const late = attemptCommand(node, ['-e', forever], { timeoutMs: 200 });
    await expect(late).rejects.toThrow(/did not end within 0.2 s$/);
    const missing = attemptCommand(join(folder, 'missing'), []);
    await expect(missing).rejects.toThrow(/missing" cannot be run: .*ENOENT/);
    await expect(missing).rejects.toThrow(CommandError);
  });
});

describe('ChildProgram', () => {
  const start = async (script: string, ownGroup = false): Promise<ChildProgram> => {
    const program = new ChildProgram({
      command: node,
      args: ['-e', script],
      logFile: join(folder, 'logs', 'log'),
      ownGroup,
    });
    const isReady = (): boolean => program.lastLogLines().includes('ready');
    expect(await holdsWithin(isReady, { timeoutMs: 60_000, intervalMs: 10 })).toBe(true);
    return program;
  };

  it('stops a paused program with SIGTERM', async () => {
    const program = await start(forever);
    expect(program.pid).toBeGreaterThan(0);
    program.signal('SIGSTOP');
    await program.stop();
    expect(await program.ended).toBe('SIGTERM');
    expect(program.hasEnded).toBe(true);
    expect(program.pid).toBeNull();
    await program.stop();
  });

  it('kills a program that ignores SIGTERM', async () => {
    const program = await start(deaf, true);
    await program.stop(50);
    expect(await program.ended).toBe('SIGKILL');
  });

  it('reports the exit status of the program and the last lines of its log', async () => {
    const program = await start('console.log("ready"); console.error("no disk"); process.exit(4)');
    expect(await program.ended).toBe('status 4');
    expect(program.lastLogLines()).toBe('ready | no disk');
  });

  it('reports the error of a program that does not exist', async () => {
    const program = new ChildProgram({
      command: join(folder, 'missing'),
      args: [],
      logFile: join(folder, 'log'),
    });
    expect(await program.ended).toMatch(/ENOENT/);
    expect(program.pid).toBeNull();
    await program.kill();
  });

  it('with the option pipesOutput, returns the standard output of the program as a stream', async () => {
    const program = new ChildProgram({
      command: node,
      args: ['-p', '1 + 1'],
      logFile: join(folder, 'log'),
      pipesOutput: true,
    });
    let text = '';
    for await (const chunk of program.output!) text += String(chunk);
    expect(text).toBe('2\n');
    expect(await program.ended).toBe('status 0');
  });
});

test('cpuSeconds, residentBytes and processorWaitMs return null for a process that does not run', async () => {
  const { pid, ended } = new ChildProgram({ command: node, args: ['-v'], logFile: join(folder, 'log') });
  await ended;
  expect([cpuSeconds(pid!), residentBytes(pid!), processorWaitMs(pid!)]).toEqual([null, null, null]);
  if (process.platform !== 'linux') return;
  expect(cpuSeconds(process.pid)).toBeGreaterThan(0);
  expect(residentBytes(process.pid)).toBeGreaterThan(1_000_000);
  expect(processorWaitMs(process.pid)).toBeGreaterThanOrEqual(0);
});

test('processActivity counts the system calls and the sleeps of a running process, and mainThreadSeconds its main thread', async () => {
  const { pid, ended } = new ChildProgram({ command: node, args: ['-v'], logFile: join(folder, 'log') });
  await ended;
  expect([processActivity(pid!), mainThreadSeconds(pid!)]).toEqual([null, null]);
  if (process.platform !== 'linux') return;
  const before = processActivity(process.pid)!;
  for (let count = 0; count < 5; count++) writeFileSync(join(folder, 'written'), 'text');
  const after = processActivity(process.pid)!;
  expect(after.writes - before.writes).toBeGreaterThanOrEqual(5);
  expect(after.reads).toBeGreaterThan(before.reads);
  expect(after.sleeps).toBeGreaterThan(0);
  expect(mainThreadSeconds(process.pid)).toBeGreaterThan(0);
  expect(mainThreadSeconds(process.pid)).toBeLessThanOrEqual(cpuSeconds(process.pid)!);
});

test('findProgram returns the path of an installed program, and null for a missing program', () => {
  expect(findProgram('sh')).toMatch(/\/sh$/);
  expect(findProgram('no-such-program')).toBeNull();
});
