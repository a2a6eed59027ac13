import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@mqtt-cluster/testing';
import { build } from 'esbuild';
import { TestCluster } from '../support/test-cluster.ts';

const source = fileURLToPath(new URL('../../../command-line/src/main.ts', import.meta.url));
let directory: string;
let cluster: TestCluster;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'command-line-'));
  await build({
    entryPoints: [source],
    outfile: join(directory, 'main.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  cluster = await TestCluster.start(['a', 'b', 'c']);
});

afterAll(async () => {
  await cluster?.close();
  rmSync(directory, { recursive: true });
});

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line against member a. */
function run(...argv: string[]): Promise<Result> {
  const program = [join(directory, 'main.mjs'), ...argv, '--server', cluster.httpUrl('a')];
  return new Promise((resolve) =>
    execFile(process.execPath, program, (error, out, err) =>
      resolve({ status: error === null ? 0 : Number(error.code), out, err }),
    ),
  );
}

test('the command line prints the members of a real cluster', async () => {
  const { status, out } = await run('members', '--json');
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    members: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    unreachable: [],
  });
});

test('the command line publishes, counts and deletes a retained message', async () => {
  expect((await run('publish', 't/1', '71.5', '--qos', '1', '--retain')).status).toBe(0);
  expect((await run('retained', 'show', 't/1', '--raw')).out).toBe('71.5');
  expect((await run('retained', 'delete', 't/#', '--dry-run')).out).toBe(
    '1 retained message would be deleted\n',
  );
  expect((await run('retained', 'delete', 't/#')).out).toBe('1 of 1 retained message deleted\n');
  expect((await run('retained', '--json')).out).toContain('"items": []');
});

test('the command line lists the subscriptions of all members without a filter and a topic', async () => {
  for (const id of ['a', 'b']) {
    const client = await cluster.connect(id, `lists-${id}`);
    await client.subscribe(`lists/${id}`, 1);
  }
  await until(async () =>
    /lists-a +lists\/a +1 +no +a\n.*lists-b +lists\/b +1 +no +b\n/.test((await run('subscriptions')).out),
  );
});

test('the command line drains another member, ends the drain, and names that member', async () => {
  expect(await run('drain', 'b')).toMatchObject({ status: 0, out: 'b is drained\n' });
  expect(await run('undrain', 'b')).toMatchObject({ status: 0, out: 'b accepts clients again\n' });
});

test('an argument that the member rejects ends the command line with exit status 2', async () => {
  expect(await run('retained', 'list', 'a#')).toMatchObject({ status: 2, out: '' });
});
