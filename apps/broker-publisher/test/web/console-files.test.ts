import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConsoleFiles } from '../../src/web/console-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'console-files-'));
beforeAll(() => writeFileSync(join(folder, 'index.html'), 'page'));
afterAll(() => rmSync(folder, { recursive: true }));

const request = { method: 'GET', path: '/', headers: { host: 'broker-a:9100' }, isPrivate: false };

test('a server with TLS sends a person on another host to HTTPS, and serves the page on the same host', async () => {
  const files = new ConsoleFiles({ needsTls: true, folder });
  expect(await files.respond(request)).toMatchObject({
    code: 308,
    headers: { location: 'https://broker-a:9100/' },
  });
  expect(await files.respond({ ...request, isPrivate: true })).toMatchObject({ code: 200 });
});

test('a server without TLS serves the page to each host', async () => {
  expect(await new ConsoleFiles({ needsTls: false, folder }).respond(request)).toMatchObject({ code: 200 });
});

test('paths outside the console belong to other components', () => {
  const files = new ConsoleFiles({ needsTls: true, folder });
  for (const path of ['/metrics', '/status', '/api/v1/me', '/index.html'])
    expect(files.respond({ ...request, path })).toBeNull();
});
