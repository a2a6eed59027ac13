import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLogger } from '@mqtt-cluster/contracts';
import { exportJWK, exportSPKI, SignJWT } from 'jose';
import type { JWK, JWTPayload } from 'jose';
import { keySetUrlFault, keysOfFile, parseKeySet, RemoteKeys, TokenProvider } from '../src/index.ts';
import type { TokenProviderOptions } from '../src/index.ts';
import {
  authenticationWith,
  cheapScrypt,
  CountingHashes,
  recordingLogger,
  tableOf,
} from './support/setup.ts';
import type { Login } from './support/setup.ts';

const wallMs = 1_800_000_000_000;
const nowSeconds = wallMs / 1_000;
const listeners = new Map([['default', { providers: ['jwt', 'cluster'], anonymous: false }]] as const);
const refused = { accepted: false, reason: 'credentials' };

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let rsaJwk: JWK;
let ecJwk: JWK;
let keySet: ReturnType<typeof parseKeySet>;

beforeAll(async () => {
  rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' };
  ecJwk = { ...(await exportJWK(ec.publicKey)), kid: 'ec' };
  keySet = parseKeySet(Buffer.from(JSON.stringify({ keys: [rsaJwk, ecJwk] })));
});

const claims = { sub: 'device-7', iss: 'https://issuer', aud: 'mqtt', exp: nowSeconds + 60 };
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(
  payload: JWTPayload = claims,
  header: object = {},
  key: KeyObject = rsa.privateKey,
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'rsa', ...header }).sign(key);
}

function providerWith(options: Partial<TokenProviderOptions> = {}): TokenProvider {
  return new TokenProvider({
    keys: keysOfFile(() => keySet),
    algorithms: ['RS256'],
    issuer: 'https://issuer',
    audience: 'mqtt',
    clockToleranceSeconds: 5,
    claims: { user: 'sub', groups: 'groups', rules: 'rules' },
    matchUserName: true,
    wallMs: () => wallMs,
    ...options,
  });
}

function loginWith(options: Partial<TokenProviderOptions> = {}) {
  const hashes = new CountingHashes();
  const { login } = authenticationWith({ hashes, listeners, tokens: providerWith(options) });
  return (password: string, more: Partial<Login> = {}) => login({ password, ...more });
}

test('a valid token gives the user, the groups, the rules and the expiry of the connection', async () => {
  const rules = [{ effect: 'allow', actions: ['publish'], topics: ['plant/%u/#'] }];
  const result = await loginWith()(await token({ ...claims, groups: ['plant'], rules, role: 'admin' }));
  expect(result).toEqual({
    accepted: true,
    subject: {
      identity: {
        source: 'jwt',
        user: 'device-7',
        groups: ['plant'],
        client: 'c1',
        address: '192.0.2.1',
        listener: 'default',
      },
      rules,
      expiresAtMs: (nowSeconds + 65) * 1_000,
    },
  });
});

test('a role in the token counts only if a setting names its claim', async () => {
  const allowed = loginWith({ claims: { user: 'sub', role: 'role' } });
  expect(await allowed(await token({ ...claims, role: 'admin' }))).toMatchObject({
    subject: { role: 'admin' },
  });
  expect(await allowed(await token({ ...claims, role: 'root' }))).toEqual(refused);
});

test('a user name in CONNECT must equal the user of the token, unless a setting ignores it', async () => {
  const login = loginWith();
  expect(await login(await token(), { user: 'device-7' })).toMatchObject({ accepted: true });
  expect(await login(await token(), { user: 'device-8' })).toEqual(refused);
  const lenient = loginWith({ matchUserName: false });
  expect(await lenient(await token(), { user: 'unused' })).toMatchObject({
    subject: { identity: { user: 'device-7' } },
  });
});

test('a password that is no token is left to the next provider', async () => {
  const hashes = new CountingHashes();
  const { login } = authenticationWith({
    hashes,
    listeners,
    table: () => tableOf({}),
    tokens: providerWith(),
  });
  await login({ user: 'alice', password: 'eyJ without the form of a token' });
  expect(hashes.jobs).toHaveLength(1);
});

test('a user that is disabled in the cluster is refused with its token too', async () => {
  const hashes = new CountingHashes();
  const table = () => tableOf({ name: 'device-7', disabled: true });
  const { login } = authenticationWith({ hashes, listeners, table, tokens: providerWith() });
  expect(await login({ password: await token() })).toEqual(refused);
});

const hmacWithPublicKey = async () => {
  const signed = `${base64({ alg: 'HS256', kid: 'rsa' })}.${base64(claims)}`;
  const secret = await exportSPKI(rsa.publicKey);
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
};

const unknownCriticalHeader = () => {
  const signed = `${base64({ alg: 'RS256', kid: 'rsa', crit: ['limit'], limit: 1 })}.${base64(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), rsa.privateKey).toString('base64url')}`;
};

const attacks: readonly (readonly [string, () => Promise<string> | string])[] = [
  ['the algorithm none', () => `${base64({ alg: 'none' })}.${base64(claims)}.`],
  ['the algorithm None', () => `${base64({ alg: 'None', kid: 'rsa' })}.${base64(claims)}.`],
  ['an HMAC with the public key', hmacWithPublicKey],
  [
    'an algorithm that is not allowed, and a known key',
    () => token(claims, { alg: 'ES256', kid: 'ec' }, ec.privateKey),
  ],
  ['the signature of another key', () => token(claims, {}, otherRsa.privateKey)],
  [
    'a key in its own header',
    async () => token(claims, { kid: 'mine', jwk: await exportJWK(otherRsa.publicKey) }, otherRsa.privateKey),
  ],
  ['an unknown key id', () => token(claims, { kid: 'unknown' })],
  [
    'changed claims',
    async () => (await token()).replace(/\.[^.]+\./, `.${base64({ ...claims, sub: 'admin' })}.`),
  ],
  ['a signature that is missing', async () => (await token()).replace(/\.[^.]+$/, '.')],
  ['two parts', async () => (await token()).replace(/\.[^.]+$/, '')],
  ['a wrong issuer', () => token({ ...claims, iss: 'https://other' })],
  ['no issuer', () => token({ sub: 'device-7', aud: 'mqtt', exp: claims.exp })],
  ['a wrong audience', () => token({ ...claims, aud: ['web', 'shop'] })],
  ['an expiry in the past', () => token({ ...claims, exp: nowSeconds - 6 })],
  ['no expiry', () => token({ sub: 'device-7', iss: claims.iss, aud: 'mqtt' })],
  ['a start in the future', () => token({ ...claims, nbf: nowSeconds + 6 })],
  ['no user', () => token({ iss: claims.iss, aud: 'mqtt', exp: claims.exp })],
  ['an empty user', () => token({ ...claims, sub: '' })],
  ['a control character in its user', () => token({ ...claims, sub: 'a\nb' })],
  ['a critical header that the server does not understand', unknownCriticalHeader],
  ['groups that are no texts', () => token({ ...claims, groups: [1] })],
  ['rules that are invalid', () => token({ ...claims, rules: [{ effect: 'allow' }] })],
  [
    'a rule with an unknown field',
    () => token({ ...claims, rules: [{ effect: 'allow', actions: ['publish'], topics: ['#'], x: 1 }] }),
  ],
  ['more than 8,192 bytes', () => token({ ...claims, padding: 'x'.repeat(8_192) })],
  ['bytes that are no text', async () => `eyJ.${'\u0000\u00ff'.repeat(10)}.x`],
];

test.each(attacks)('a token with %s is refused', async (_what, make) => {
  expect(await loginWith()(await make())).toEqual(refused);
});

test('a token without a key id is accepted only if one key of the set fits', async () => {
  const make = () => token(claims, { kid: undefined });
  expect(await loginWith()(await make())).toMatchObject({ accepted: true });
  const second = { ...(await exportJWK(otherRsa.publicKey)), kid: 'second' };
  const keys = keysOfFile(() => ({ keys: [rsaJwk, second] }) as ReturnType<typeof parseKeySet>);
  expect(await loginWith({ keys })(await make())).toEqual(refused);
});

test('the clock tolerance applies to the expiry and to the start', async () => {
  const login = loginWith();
  expect((await login(await token({ ...claims, exp: nowSeconds - 4, nbf: nowSeconds + 4 }))).accepted).toBe(
    true,
  );
});

test('an expiry beyond the year 9999 counts as the year 9999', async () => {
  const result = await loginWith()(await token({ ...claims, exp: 1e300 }));
  expect(result).toMatchObject({ subject: { expiresAtMs: (253_402_300_799 + 5) * 1_000 } });
});

test('a replaced key file counts at once', async () => {
  let current = keySet;
  const login = loginWith({ keys: keysOfFile(() => current) });
  expect((await login(await token())).accepted).toBe(true);
  current = { keys: [ecJwk] } as typeof keySet;
  expect(await login(await token())).toEqual(refused);
});

test('wrong tokens of one device do not lock out the other devices behind its address', async () => {
  const login = loginWith();
  const expired = await token({ ...claims, exp: nowSeconds - 60 });
  for (let i = 0; i < 100; i++) expect(await login(expired)).toEqual(refused);
  expect((await login(await token())).accepted).toBe(true);
});

test('wrong tokens do not limit the logins with passwords from their address', async () => {
  const hashes = new CountingHashes();
  hashes.set(cheapScrypt, 'secret');
  const tokens = providerWith();
  const { login } = authenticationWith({ hashes, listeners, table: () => tableOf({}), tokens });
  const expired = await token({ ...claims, exp: nowSeconds - 60 });
  for (let i = 0; i < 100; i++) expect(await login({ password: expired })).toEqual(refused);
  expect((await login({ user: 'alice', password: 'secret' })).accepted).toBe(true);
});

test('a flood of tokens from one address leaves places for other addresses, and waits in bounded memory', async () => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let checks = 0;
  const keys = {
    find: async () => {
      checks++;
      await released;
      throw new Error('no key');
    },
  };
  const login = loginWith({ keys });
  const text = await token();
  const flood = Array.from({ length: 300 }, () => login(text, { address: '192.0.2.66' }));
  const other = login(text, { address: '192.0.2.1' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(checks).toBe(2);
  release();
  const results = await Promise.all(flood);
  expect(results.filter((result) => !result.accepted && result.reason === 'busy')).toHaveLength(
    300 - 256 - 2,
  );
  expect(await other).toEqual(refused);
});

describe('a key set', () => {
  test.each([
    ['Latin-1', Buffer.from('{"keys":[\n{"kty":"\xEF"}]}', 'latin1'), 'line 2: the text is not UTF-8'],
    ['no JSON', '{\nx', 'line 2, column 1: the text is not JSON'],
    ['no keys', '{}', 'not a JSON Web Key Set'],
    ['a shared secret', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', 'key 1: the type must be'],
    ['a private key', '{"keys":[{"kty":"RSA","n":"x","e":"AQAB","d":"x"}]}', 'key 1 is a private key'],
    ['too many keys', JSON.stringify({ keys: Array(101).fill({ kty: 'RSA' }) }), 'more than 100 keys'],
    ['too many bytes', ' '.repeat(256 * 1024 + 1), 'more than 262144 bytes'],
  ])('with %s is refused', (_what, text, fault) => {
    expect(() => parseKeySet(typeof text === 'string' ? Buffer.from(text) : text)).toThrow(fault);
  });

  test.each([
    ['https://issuer.example/keys', null],
    ['http://127.0.0.1:8080/keys', null],
    ['http://[::1]:8080/keys', null],
    ['http://localhost/keys', null],
    ['http://issuer.example/keys', 'must start with https'],
    ['http://127.0.0.1.example/keys', 'must start with https'],
    ['file:///etc/keys', 'must start with https'],
    ['https://user:password@issuer.example/keys', 'must not contain a user name'],
    ['keys', 'must be a URL'],
  ])('at %s is judged by its URL', (url, fault) => {
    if (fault === null) expect(keySetUrlFault(url)).toBeNull();
    else expect(keySetUrlFault(url)).toContain(fault);
  });
});

describe('keys behind a URL', () => {
  let nowMs: number;
  let requests: number;
  let answer: () => Response;
  const answerWith = (value: unknown) => () => new Response(JSON.stringify(value));
  const keysWith = () =>
    new RemoteKeys({
      url: 'https://issuer/keys',
      logger: silentLogger,
      now: () => nowMs,
      fetch: async () => {
        requests++;
        return answer();
      },
    });

  beforeEach(() => {
    nowMs = 1_000_000;
    requests = 0;
    answer = answerWith({ keys: [rsaJwk] });
  });

  test('are read once for many tokens', async () => {
    const login = loginWith({ keys: keysWith() });
    const text = await token();
    const results = await Promise.all([login(text), login(text), login(text)]);
    expect(results.every(({ accepted }) => accepted)).toBe(true);
    expect(requests).toBe(1);
  });

  test('are read again for an unknown key id, at most once in 30 s', async () => {
    const login = loginWith({ keys: keysWith() });
    await login(await token());
    const next = await token(claims, { kid: 'next' }, otherRsa.privateKey);
    answer = answerWith({ keys: [{ ...(await exportJWK(otherRsa.publicKey)), kid: 'next' }] });
    nowMs += 30_000;
    expect((await login(next)).accepted).toBe(true);
    expect(requests).toBe(2);
    for (let i = 0; i < 100; i++) {
      const unknown = await token(claims, { kid: `random ${i}` });
      expect(await login(unknown, { address: `192.0.2.${i}` })).toEqual(refused);
    }
    expect(requests).toBe(2);
  });

  test('stay in use while the URL does not answer, for at most a day', async () => {
    const login = loginWith({ keys: keysWith() });
    await login(await token());
    answer = () => new Response('', { status: 500 });
    nowMs += 23 * 3_600_000;
    expect((await login(await token())).accepted).toBe(true);
    nowMs += 2 * 3_600_000;
    expect(await login(await token())).toEqual({ accepted: false, reason: 'unavailable' });
  });

  test.each([
    ['an error', () => new Response('', { status: 404 })],
    ['no key set', () => new Response('<html>')],
    ['too many bytes', () => new Response('x'.repeat(300_000))],
  ])(
    'that were answered with %s refuse tokens as unavailable, and are asked at a bounded rate',
    async (_what, bad) => {
      answer = bad;
      const login = loginWith({ keys: keysWith() });
      for (let i = 0; i < 5; i++) {
        expect(await login(await token())).toEqual({ accepted: false, reason: 'unavailable' });
      }
      expect(requests).toBe(1);
      answer = answerWith({ keys: [rsaJwk] });
      nowMs += 5_000;
      expect((await login(await token())).accepted).toBe(true);
    },
  );

  test('are not read beyond the bound of a key set, even if the answer never ends', async () => {
    let bytes = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        bytes += 64 * 1024;
        if (bytes > 100 * 1024 * 1024) controller.close();
        else controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    answer = () => new Response(endless);
    expect(await loginWith({ keys: keysWith() })(await token())).toEqual({
      accepted: false,
      reason: 'unavailable',
    });
    expect(bytes).toBeLessThan(1024 * 1024);
  });

  test('are read over HTTP, and a redirect is not followed', async () => {
    const lines: string[] = [];
    const server = createServer((request, response) => {
      if (request.url === '/keys') return response.end(JSON.stringify({ keys: [rsaJwk] }));
      return response.writeHead(302, { location: '/keys' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const at = (path: string) =>
      loginWith({
        keys: new RemoteKeys({ url: `http://127.0.0.1:${port}${path}`, logger: recordingLogger(lines) }),
      });
    try {
      expect((await at('/keys')(await token())).accepted).toBe(true);
      expect(await at('/other')(await token())).toEqual({ accepted: false, reason: 'unavailable' });
      expect(lines.join()).toContain('/other');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
