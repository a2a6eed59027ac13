import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { FakeApi, gaps } from './support/fake-api.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let project: string;
let api: FakeApi;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'command-line-package-'));
  const out = join(project, 'packages');
  execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), '--out', out]);
  const file = readdirSync(out).find((name) => /^mqtt-cluster-\d.*\.tgz$/.test(name))!;
  writeFileSync(join(project, 'package.json'), '{}');
  execFileSync('npm', ['install', '--offline', '--no-audit', join(out, file)], {
    cwd: project,
    stdio: 'ignore',
  });
  writeFileSync(join(project, 'cluster.token'), 'secret\n');
  const everything = {
    items: [],
    events: [],
    members: [],
    problems: [],
    subscriptionList: [],
    cluster: 'c',
    member: 'm',
  };
  api = await FakeApi.start(({ path }) =>
    path.startsWith('/trace')
      ? { stream: '' }
      : {
          body: {
            ...everything,
            id: 'x',
            will: null,
            lastDisconnect: null,
            next: null,
            acknowledged: true,
            ...gaps,
          },
        },
  );
});

afterAll(async () => {
  await api.stop();
  rmSync(project, { recursive: true });
});

test('each example of the README of the package runs', async () => {
  const folder = join(project, 'node_modules', 'mqtt-cluster');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code]) => code!);
  const lines = blocks
    .join('')
    .split('\n')
    .filter((line) => line.startsWith('mqtt-cluster '));
  expect(lines.length).toBeGreaterThan(5);
  const environment = {
    MQTT_CLUSTER_SERVERS: `${api.url} ${api.url}`,
    MQTT_CLUSTER_TOKEN_FILE: 'cluster.token',
  };
  const path = `${join(project, 'node_modules', '.bin')}:${process.env['PATH']}`;
  for (const line of lines) {
    await promisify(execFile)('sh', ['-c', line], {
      cwd: project,
      env: { ...process.env, ...environment, PATH: path },
    });
  }
  expect(api.requests.find(({ path }) => path.startsWith('/clients'))?.headers.authorization).toBe(
    'Bearer secret',
  );
});

test('a reader that closes the pipe, such as head, ends the command without an error', async () => {
  const items = Array.from({ length: 5_000 }, (_, index) => ({ topic: `t/${index}`, payloadPreview: '' }));
  const large = await FakeApi.start(() => ({ body: { items, next: null, ...gaps } }));
  const program = join(project, 'node_modules', '.bin', 'mqtt-cluster');
  const line = `${program} retained --json --server ${large.url} | head -1`;
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line]);
  await large.stop();
  expect({ stdout, stderr }).toEqual({ stdout: '{\n', stderr: '' });
});

test('the package has no dependencies and no field of the workspace', () => {
  const manifest = JSON.parse(readFileSync(join(project, 'node_modules/mqtt-cluster/package.json'), 'utf8'));
  expect(manifest.name).toBe('mqtt-cluster');
  expect(Object.keys(manifest)).not.toEqual(expect.arrayContaining(['private']));
  expect(manifest).not.toHaveProperty('dependencies');
});
