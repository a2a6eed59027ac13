import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { until } from '@mqtt-cluster/testing';
import { createMetrics, WatchedFiles } from '../src/index.ts';
import type { FileContent } from '../src/index.ts';

let directory: string;
let path: string;
let lines: string[];
let files: WatchedFiles;
const metrics = createMetrics({ includeProcessMetrics: false });

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields, message) => lines.push(`${message} ${JSON.stringify(fields)}`),
  child: () => logger,
};

function parse(contents: readonly FileContent[]): string {
  const text = contents.map(({ bytes }) => bytes.toString()).join('+');
  if (text.includes('broken')) throw new Error('line 3: is broken');
  return text;
}

/** Two checks: a change is read at the second check that sees it. */
async function pollTwice(): Promise<void> {
  await files.poll();
  await files.poll();
}

const watch = (paths: readonly string[] = [path]) => files.watch({ setting: 'mqtt.sample', paths, parse });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'watched-'));
  path = join(directory, 'sample');
  lines = [];
  // The tests call `poll`; the timer never fires.
  files = new WatchedFiles({ logger, metrics, pollMs: 3_600_000 });
  writeFileSync(path, 'first');
});

afterEach(() => {
  files.stop();
  rmSync(directory, { recursive: true });
});

test('a file that a rename replaces is read, and each listener receives the value once', async () => {
  const file = await watch();
  const received: string[] = [];
  file.onChange((value) => received.push(value));
  const removed = file.onChange(() => received.push('removed listener'));
  removed();
  writeFileSync(`${path}.new`, 'other');
  renameSync(`${path}.new`, path);
  await pollTwice();
  await pollTwice();
  expect([file.current, received]).toEqual(['other', ['other']]);
});

test('a file that is rewritten in place is read only when it has stopped changing', async () => {
  const file = await watch();
  const received: string[] = [];
  file.onChange((value) => received.push(value));
  truncateSync(path);
  await files.poll();
  appendFileSync(path, 'half');
  await files.poll();
  appendFileSync(path, ' and half');
  await files.poll();
  expect(received).toEqual([]);
  await files.poll();
  expect(received).toEqual(['half and half']);
});

test('a refused file that becomes valid without a change, as certificates do, is read later, and logged once before', async () => {
  let isEarly = true;
  const file = await files.watch({
    setting: 'mqtt.sample',
    paths: [path],
    parse: (contents) => {
      const text = parse(contents);
      if (isEarly && text === 'future') throw new Error('is not valid yet');
      return text;
    },
  });
  writeFileSync(path, 'future');
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['first', expect.stringContaining('is not valid yet')]);
  const pollOften = async (count: number): Promise<void> => {
    for (let check = 0; check < count; check++) await files.poll();
  };
  await pollOften(40);
  expect(lines).toHaveLength(1);
  isEarly = false;
  await pollOften(30);
  expect([file.current, file.refusal]).toEqual(['future', undefined]);
});

test('a replaced symbolic link to a directory, as Kubernetes mounts secrets, is noticed', async () => {
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(directory, version));
    writeFileSync(join(directory, version, 'secret'), version);
  }
  symlinkSync('v1', join(directory, '..data'));
  symlinkSync(join('..data', 'secret'), join(directory, 'secret'));
  const file = await watch([join(directory, 'secret')]);
  symlinkSync('v2', join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  await pollTwice();
  expect(file.current).toBe('v2');
});

test('files that belong together are read together when one of them changes', async () => {
  const other = join(directory, 'other');
  writeFileSync(other, 'key');
  const file = await watch([path, other]);
  writeFileSync(other, 'new key');
  await pollTwice();
  expect(file.current).toBe('first+new key');
});

test('a broken file is refused with its name and line, once, and the old value stays', async () => {
  const file = await watch();
  writeFileSync(path, 'broken');
  await pollTwice();
  await pollTwice();
  expect(file.current).toBe('first');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"setting":"mqtt.sample"');
  expect(lines[0]).toContain(`${path}: line 3: is broken`);
  expect(await metrics.render()).toContain('mqtt_cluster_file_refused{setting="mqtt.sample"} 1');
  writeFileSync(path, 'mended');
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['mended', undefined]);
  expect(await metrics.render()).toContain('mqtt_cluster_file_refused{setting="mqtt.sample"} 0');
});

test('a file that has become empty is refused and the old value stays, until it has content again', async () => {
  const file = await watch();
  truncateSync(path);
  await pollTwice();
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['first', expect.stringContaining(`${path} is empty now`)]);
  expect(lines).toHaveLength(1);
  expect(await metrics.render()).toContain('mqtt_cluster_file_refused{setting="mqtt.sample"} 1');
  writeFileSync(path, '\n');
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['\n', undefined]);
});

test('a file that is empty at the start is accepted', async () => {
  truncateSync(path);
  const file = await watch();
  expect(file.current).toBe('');
  writeFileSync(path, 'users');
  await pollTwice();
  expect(file.current).toBe('users');
});

test('a broken file that returns to its old content is no longer refused', async () => {
  const file = await watch();
  writeFileSync(path, 'broken');
  await pollTwice();
  expect(file.refusal).toContain('line 3');
  writeFileSync(path, 'first');
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['first', undefined]);
});

test('a deleted file is refused, the old value stays, and a new file is read', async () => {
  const file = await watch();
  rmSync(path);
  await pollTwice();
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['first', `${path} does not exist`]);
  expect(lines).toHaveLength(1);
  writeFileSync(path, 'again');
  await pollTwice();
  expect([file.current, file.refusal]).toEqual(['again', undefined]);
});

test('reload reads a changed file at once, and reports a refused file each time', async () => {
  const file = await watch();
  writeFileSync(path, 'second');
  await files.reload();
  expect(file.current).toBe('second');
  writeFileSync(path, 'broken');
  expect(await file.reload()).toBe(false);
  expect(await file.reload()).toBe(false);
  expect(lines).toHaveLength(2);
  expect(file.current).toBe('second');
});

test('the timer checks the files', async () => {
  files.stop();
  files = new WatchedFiles({ logger, pollMs: 5 });
  const file = await watch();
  writeFileSync(path, 'noticed');
  await until(() => file.current === 'noticed');
});

test('a closed file is not read again', async () => {
  const file = await watch();
  file.close();
  writeFileSync(path, 'later');
  await pollTwice();
  await file.reload();
  expect(file.current).toBe('first');
});

test.each([
  ['a broken file', () => writeFileSync(path, 'broken'), 'line 3: is broken'],
  ['a missing file', () => rmSync(path), 'does not exist'],
  ['a file that is too large', () => truncateSync(path, 17 * 1024 * 1024), 'has more than 16777216 bytes'],
  ['a directory', () => void (rmSync(path), mkdirSync(path)), 'is not a regular file'],
  ['a named pipe', () => void (rmSync(path), execFileSync('mkfifo', [path])), 'is not a regular file'],
])('%s stops the start with the setting and the path', async (_what, spoil, fault) => {
  spoil();
  const error = await watch().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as Error).message).toMatch(/^mqtt\.sample: /);
  expect((error as Error).message).toContain(path);
  expect((error as Error).message).toContain(fault);
});
