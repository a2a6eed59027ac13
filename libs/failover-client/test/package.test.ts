import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import { startServer, stopAll } from './support/test-client.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const installed = (): string => join(project, 'node_modules', 'mqtt-cluster-client');
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'client-package-'));
  const out = join(project, 'packages');
  execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), '--out', out]);
  const file = readdirSync(out).find((name) => /^mqtt-cluster-client-.*\.tgz$/.test(name))!;
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  execFileSync('npm', ['install', '--offline', '--no-audit', join(out, file)], {
    cwd: project,
    stdio: 'ignore',
  });
});

afterAll(() => rmSync(project, { recursive: true }));
afterEach(stopAll);

/** Returns the examples of the README of the package. */
function examples(): string[] {
  const readme = readFileSync(join(installed(), 'README.md'), 'utf8');
  return [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
}

/** Checks the types of a program in the project and runs it. */
async function run(code: string): Promise<void> {
  writeFileSync(join(project, 'example.ts'), code);
  writeFileSync(join(project, 'example.js'), code);
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types];
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, ...options, 'example.ts'], { cwd: project });
  await promisify(execFile)(process.execPath, ['example.js'], { cwd: project });
}

test('the package has no dependencies, no field of the workspace and no name of an unpublished package', () => {
  const manifest = JSON.parse(readFileSync(join(installed(), 'package.json'), 'utf8'));
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest).not.toHaveProperty('private');
  expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'mqtt-cluster-client',
  ]);
  for (const name of readdirSync(installed(), { recursive: true }) as string[]) {
    if (!/\.(d\.ts|md)$/.test(name)) continue;
    expect(readFileSync(join(installed(), name), 'utf8')).not.toMatch(/@mqtt-cluster\/|from 'zod'/);
  }
  expect(existsSync(join(installed(), 'THIRD-PARTY-LICENSES.txt'))).toBe(true);
});

test('the first example of the README compiles and publishes', async () => {
  const servers = await Promise.all([startServer(), startServer()]);
  const [first = ''] = examples();
  await run(
    servers.reduce((code, { url }, index) => code.replace(`mqtt://10.0.0.5${index + 1}:1883`, url), first),
  );
  expect(servers.flatMap((server) => server.packets('publish'))).toMatchObject([
    { topic: 'boilers/7/temperature', qos: 1 },
  ]);
});

requiring('openssl')('the example with TLS', () => {
  test('compiles and connects with certificate and token', async () => {
    const authority = new TestAuthority(project);
    const { key, cert } = authority.issueServer('server', '127.0.0.1');
    const user = authority.issue('boiler-7');
    writeFileSync(join(project, 'ca.crt'), authority.ca);
    writeFileSync(join(project, 'boiler-7.crt'), user.cert);
    writeFileSync(join(project, 'boiler-7.key'), user.key);
    writeFileSync(join(project, 'token'), 'secret\n');
    const tls = { key, cert, ca: authority.ca, requestCert: true };
    const servers = await Promise.all([startServer({ tls }), startServer({ tls })]);
    const code = servers.reduce(
      (text, { url }, index) => text.replace(`mqtts://10.0.0.5${index + 1}:8883`, url),
      examples()[1] ?? '',
    );
    await run(
      `${code}\nawait client.start();\nawait client.connected(AbortSignal.timeout(10_000));\nawait client.stop();\n`,
    );
    const [connect] = servers.flatMap((server) => server.packets('connect'));
    expect(String(connect?.password)).toBe('secret');
  });
});
