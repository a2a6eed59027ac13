import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '@mqtt-cluster/kit';
import { bodyTarget } from '../src/online/body-target.ts';
import { makeBodyRequest } from '../src/online/http-bodies.ts';

const host = '127.0.0.1';
const token = 'a token';
const isSignIn = (url = ''): boolean => url.endsWith('/sign-in');
/** Paths at which every body of the attack is invalid. */
const isDisturbing = (url = ''): boolean => /settings|leadership|members|disconnect|links/.test(url);

let codeFor: (url: string | undefined, isBearer: boolean) => number;
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    const isBearer = request.headers.authorization === `Bearer ${token}`;
    response.writeHead(codeFor(request.url, isBearer)).end();
    request.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
});

afterAll(() => server.close());

async function attack(answer: typeof codeFor): Promise<void> {
  codeFor = answer;
  const { port } = server.address() as AddressInfo;
  const random = seededRandom(1, 'bodies');
  for (let count = 0; count < 100; count++) await bodyTarget({ host, port }, token).run(random);
}

describe('the target of bodies of authorized requests', () => {
  it('accepts a member that carries out valid bodies, refuses invalid ones, and is busy for some', async () => {
    await attack((url) => (isDisturbing(url) ? 400 : isSignIn(url) ? 503 : 200));
  });

  it('accepts that a member does not know the user of a sign-in or of a password', async () => {
    await attack((url, isBearer) => (isSignIn(url) || !isBearer ? 401 : 400));
  });

  it.each([
    ['does not accept the token', 401, 'refused the token with 401'],
    ['forbids something to the token', 403, 'refused the token with 403'],
    ['accepts invalid bodies', 200, 'accepted an invalid body with 200'],
    ['fails for an unknown reason', 500, 'was answered with 500'],
    ['redirects', 302, 'was answered with 302'],
  ])('reports a member that %s', async (_does, code, message) => {
    await expect(attack(() => code)).rejects.toThrow(message);
  });

  it('has invalid bodies only for operations that would disturb the witness', () => {
    const random = seededRandom(1, 'requests');
    const requests = Array.from({ length: 300 }, () => makeBodyRequest(random, token));
    expect(requests.every(({ path, isInvalid }) => isInvalid === isDisturbing(path))).toBe(true);
  });

  it('has no message of the operator that drains the member', () => {
    const random = seededRandom(2, 'requests');
    const bodies = Array.from({ length: 3_000 }, () => makeBodyRequest(random, token).body.toString());
    expect(bodies.some((body) => body.includes('$bridge/raft'))).toBe(true);
    expect(bodies.filter((body) => body.includes('admin/drain'))).toEqual([]);
  });
});
