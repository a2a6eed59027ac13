import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { addClusterUser } from '../src/cluster/cluster-user.ts';

const host = '127.0.0.1';
const seen: unknown[] = [];
let refusals = 0;
let server: Server;
let httpPort = 0;

beforeEach(async () => {
  seen.length = 0;
  server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    seen.push([method, url, headers.authorization, JSON.parse(await text(request))]);
    response.statusCode = refusals-- > 0 ? 409 : 200;
    response.end('users need semantics version 4');
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  httpPort = (server.address() as AddressInfo).port;
});

afterEach(() => server.close());

test('adds a user of the cluster with the token, and retries until the member accepts it', async () => {
  refusals = 1;
  const user = { name: 'a b', password: 'secret', role: 'operator' } as const;
  await addClusterUser({ host, httpPort }, user, { token: 't' });
  const request = ['PUT', '/cluster/users/a%20b', 'Bearer t', { password: 'secret', role: 'operator' }];
  expect(seen).toEqual([request, request]);
});

test('fails with the answer of the member if it does not accept the user in time', async () => {
  refusals = Infinity;
  const added = addClusterUser({ host, httpPort }, { name: 'x', password: 'y' }, { timeoutMs: 0 });
  await expect(added).rejects.toThrow(/the user x.*users need semantics version 4/);
  expect(seen[0]).toEqual(['PUT', '/cluster/users/x', undefined, { password: 'y' }]);
});
