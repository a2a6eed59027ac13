import { createHash } from 'node:crypto';
import type { AccessTable } from '@mqtt-cluster/contracts';
import { parsePasswordFile } from '../src/index.ts';
import { SuccessCache } from '../src/hashing/success-cache.ts';
import { FailureLimiter } from '../src/chain/failure-limiter.ts';
import {
  authenticationWith,
  CountingMetrics,
  cheapScrypt,
  CountingHashes,
  pbkdf2,
  recordingLogger,
  sha512,
  tableOf,
} from './support/setup.ts';
import type { Login } from './support/setup.ts';

const refused = { accepted: false, reason: 'credentials' };
const busy = { accepted: false, reason: 'busy' };
const otherScrypt = cheapScrypt.replace(/A$/, 'E');

let hashes: CountingHashes;
beforeEach(() => {
  hashes = new CountingHashes();
  hashes.set(cheapScrypt, 'secret');
  hashes.set(pbkdf2, 'file-secret');
});

const file = (text: string) => {
  const users = parsePasswordFile(Buffer.from(text));
  return () => users;
};
const both = new Map([['default', { providers: ['cluster', 'passwordFile'], anonymous: false }]] as const);

describe('the chain', () => {
  test('a user of the cluster is accepted with the role of the user', async () => {
    const { login } = authenticationWith({
      hashes,
      table: () => tableOf({ role: 'operator', groups: ['plant'] }),
    });
    expect(await login({ user: 'alice', password: 'secret' })).toEqual({
      accepted: true,
      subject: {
        identity: {
          source: 'cluster',
          user: 'alice',
          groups: [],
          client: 'c1',
          address: '192.0.2.1',
          listener: 'default',
        },
        role: 'operator',
      },
    });
  });

  test.each(['cluster', 'passwordFile'] as const)(
    'a user of the provider %s is refused if the user has the name of the owner of a link',
    async (provider) => {
      const user = '$link/plant';
      const listeners = new Map([['default', { providers: [provider], anonymous: false }]] as const);
      const passwordFile = file(`${user}:${pbkdf2}`);
      const { login } = authenticationWith({
        hashes,
        listeners,
        table: () => tableOf({ name: user }),
        passwordFile,
      });
      const password = provider === 'cluster' ? 'secret' : 'file-secret';
      expect(await login({ user, password })).toEqual(refused);
    },
  );

  test('a user that the first provider does not know is left to the next', async () => {
    const passwordFile = file(`bob:${pbkdf2}`);
    const { login } = authenticationWith({ hashes, listeners: both, table: () => tableOf({}), passwordFile });
    expect(await login({ user: 'bob', password: 'file-secret' })).toMatchObject({
      accepted: true,
      subject: { identity: { source: 'passwordFile', user: 'bob' } },
    });
  });

  test('a wrong password of a known user ends the chain, even if a later provider would accept it', async () => {
    const passwordFile = file(`alice:${pbkdf2}`);
    const { login } = authenticationWith({ hashes, listeners: both, table: () => tableOf({}), passwordFile });
    expect(await login({ user: 'alice', password: 'file-secret' })).toEqual(refused);
    expect(hashes.jobs).toHaveLength(1);
  });

  test('a provider that the listener does not have is not asked', async () => {
    const passwordFile = file(`bob:${pbkdf2}`);
    const { login } = authenticationWith({ hashes, table: () => tableOf({}), passwordFile });
    expect(await login({ user: 'bob', password: 'file-secret' })).toEqual(refused);
  });

  test('a client of an unknown listener is refused', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}) });
    const result = await login({ user: 'alice', password: 'secret', listener: 'other' });
    expect(result).toEqual({ accepted: false, reason: 'unavailable' });
  });

  test('a known user without a password is refused', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}) });
    expect(await login({ user: 'alice' })).toEqual(refused);
  });

  test('a password of more than 1,024 bytes is refused without a hash', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}) });
    expect(await login({ user: 'alice', password: 'x'.repeat(1_025) })).toEqual(refused);
    expect(hashes.jobs).toEqual([]);
  });

  test('a user whose hash is out of bounds is refused, and the log names the user once', async () => {
    const lines: string[] = [];
    const passwordHash = cheapScrypt.replace('ln=4', 'ln=30');
    const table = tableOf({ passwordHash });
    const { login } = authenticationWith({ hashes, table: () => table, logger: recordingLogger(lines) });
    for (let i = 0; i < 2; i++) expect(await login({ user: 'alice', password: 'secret' })).toEqual(refused);
    expect(lines.filter((line) => line.includes('"user":"alice"'))).toHaveLength(1);
  });
});

describe('anonymous clients', () => {
  const anonymous = new Map([['default', { providers: ['cluster'], anonymous: true }]] as const);

  test('a client without user name and password is accepted only if the listener allows it', async () => {
    const strict = authenticationWith({ hashes });
    const open = authenticationWith({ hashes, listeners: anonymous });
    expect(await strict.login({})).toEqual(refused);
    expect(await open.login({})).toMatchObject({
      accepted: true,
      subject: { identity: { source: 'anonymous' } },
    });
  });

  test.each([
    ['a wrong password', { user: 'alice', password: 'wrong' }],
    ['an unknown user', { user: 'mallory', password: 'secret' }],
    ['a user name only', { user: 'mallory' }],
    ['an empty user name', { user: '' }],
    ['a password only', { password: 'secret' }],
  ])('a client with %s is not accepted as anonymous', async (_what, given) => {
    const { login } = authenticationWith({ hashes, listeners: anonymous, table: () => tableOf({}) });
    expect(await login(given)).toEqual(refused);
  });
});

test('a listener without providers ignores user name and password, and its clients have no user', async () => {
  const listeners = new Map([['default', { providers: [], anonymous: true }]] as const);
  const { login } = authenticationWith({ hashes, listeners, table: () => tableOf({}) });
  const result = await login({ user: 'alice', password: 'wrong' });
  expect(result).toMatchObject({ accepted: true, subject: { identity: { source: 'anonymous' } } });
  expect(result).not.toHaveProperty('subject.identity.user');
});

describe('client certificates', () => {
  const listeners = new Map([
    ['default', { providers: ['certificate', 'cluster'], anonymous: false }],
  ] as const);
  const certificate = { commonName: 'device-7', alternativeNames: ['urn:device:7', 'other'] };

  test.each([
    ['cn', 'device-7'],
    ['san', 'urn:device:7'],
  ] as const)('with the setting %s the user is %s', async (certificateUser, user) => {
    const { login } = authenticationWith({ hashes, listeners, certificateUser });
    expect(await login({ certificate })).toMatchObject({
      accepted: true,
      subject: { identity: { source: 'certificate', user } },
    });
    expect(await login({ certificate, user })).toMatchObject({ accepted: true });
  });

  test('a client that presents another user name than its certificate needs the password of that user', async () => {
    const { login } = authenticationWith({ hashes, listeners, table: () => tableOf({}) });
    expect(await login({ certificate, user: 'alice', password: 'wrong' })).toEqual(refused);
    expect(await login({ certificate, user: 'alice', password: 'secret' })).toMatchObject({
      subject: { identity: { source: 'cluster', user: 'alice' } },
    });
  });

  test.each([
    ['without a name', { alternativeNames: [] }],
    ['with a control character in its name', { commonName: 'admin\u0000', alternativeNames: [] }],
    ['with the name of the owner of a link', { commonName: '$link/plant', alternativeNames: [] }],
  ])('a certificate %s gives no user', async (_what, nameless) => {
    const { login } = authenticationWith({ hashes, listeners });
    expect(await login({ certificate: nameless })).toEqual(refused);
  });

  test('a user that is disabled in the cluster is refused with its certificate too', async () => {
    const table = () => tableOf({ name: 'device-7', disabled: true });
    const { login } = authenticationWith({ hashes, listeners, table });
    expect(await login({ certificate })).toEqual(refused);
  });
});

describe('an unknown user', () => {
  const passwordFile = file(`bob:${pbkdf2}\ncarl:${sha512}`);
  const table = () =>
    tableOf({}, { name: 'dora', passwordHash: otherScrypt }, { name: 'eve', disabled: true });

  test.each([
    ['a user of the cluster', 'alice'],
    ['a user of the file with a cheaper hash', 'bob'],
    ['a user of the file with the cheapest hash', 'carl'],
    ['a disabled user', 'eve'],
    ['an unknown user', 'mallory'],
    ['a disabled user with the right password', 'eve', 'secret'],
  ])(
    'costs the same hashes as %s that is refused, and gets the same answer',
    async (_what, user, password = 'wrong') => {
      const { login } = authenticationWith({ hashes, listeners: both, table, passwordFile });
      expect(await login({ user, password })).toEqual(refused);
      expect(hashes.jobs.map((costs) => costs.sort())).toEqual([['pbkdf2 101', 'scrypt 4 8 1 32', 'sha512']]);
    },
  );

  test('costs a hash of the default cost if there are no users', async () => {
    const { login } = authenticationWith({ hashes });
    expect(await login({ user: 'mallory', password: 'wrong' })).toEqual(refused);
    expect(hashes.jobs).toEqual([['scrypt 14 8 1 32']]);
  });

  test('is not accepted even if a password matched a decoy', async () => {
    hashes.verdict = 'matches';
    const { login } = authenticationWith({ hashes, table });
    expect(await login({ user: 'mallory', password: 'secret' })).toEqual(refused);
    expect(await login({ user: 'eve', password: 'secret' })).toEqual(refused);
  });

  test('costs at most four hashes, however many costs the users have', async () => {
    const users = Array.from({ length: 20 }, (_, i) => ({
      name: `u${i}`,
      passwordHash: pbkdf2.replace('101', String(i + 1)),
    }));
    const { login } = authenticationWith({ hashes, table: () => tableOf(...users) });
    await login({ user: 'mallory', password: 'wrong' });
    expect(hashes.jobs[0]).toHaveLength(4);
  });
});

describe('the memory of successes', () => {
  test('a client that connects again costs no hash', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}) });
    for (let i = 0; i < 3; i++)
      expect((await login({ user: 'alice', password: 'secret' })).accepted).toBe(true);
    expect(hashes.jobs).toHaveLength(1);
  });

  test('a changed password, a disabled user and a removed user are refused at once', async () => {
    let table: AccessTable = tableOf({});
    const { login } = authenticationWith({ hashes, table: () => table });
    const attempt = async () => (await login({ user: 'alice', password: 'secret' })).accepted;
    expect(await attempt()).toBe(true);
    table = tableOf({ passwordHash: otherScrypt });
    expect(await attempt()).toBe(false);
    table = tableOf({ disabled: true });
    expect(await attempt()).toBe(false);
    table = tableOf();
    expect(await attempt()).toBe(false);
    table = tableOf({});
    expect(await attempt()).toBe(true);
  });

  test.each([
    ['removed', tableOf()],
    ['disabled', tableOf({ disabled: true })],
    ['given another password', tableOf({ passwordHash: otherScrypt })],
  ])('a user that is %s while the hash is computed is refused', async (_what, changed) => {
    let table: AccessTable = tableOf({});
    const slow = {
      verify: async () => {
        table = changed;
        return 'matches' as const;
      },
    };
    const { login } = authenticationWith({ hashes: slow, table: () => table });
    expect(await login({ user: 'alice', password: 'secret' })).toEqual(refused);
  });

  test('a login from an address with a failed login comes after those of other addresses', async () => {
    const marks: (boolean | undefined)[] = [];
    const hashes = {
      verify: async (_address: string, _password: Uint8Array, _hashes: unknown, hasFailed?: boolean) => {
        marks.push(hasFailed);
        return 'differs' as const;
      },
    };
    const { login } = authenticationWith({ hashes, table: () => tableOf({}) });
    await login({ user: 'alice', password: 'guess' });
    await login({ user: 'bob', password: 'guess' });
    expect(marks).toEqual([false, true]);
  });

  test('the password of one user does not match for another user with the same hash', () => {
    const cache = new SuccessCache();
    cache.add('alice', 'hash', Buffer.from('secret'));
    expect(cache.has('alice', 'hash', Buffer.from('secret'))).toBe(true);
    for (const [user, hash, password] of [
      ['bob', 'hash', 'secret'],
      ['alice', 'hashs', 'ecret'],
      ['aliceh', 'ash', 'secret'],
      ['alice', 'hash', 'secre'],
    ] as const) {
      expect(cache.has(user, hash, Buffer.from(password))).toBe(false);
    }
  });

  test('the cache forgets the success that was used least recently', () => {
    const cache = new SuccessCache(2);
    const has = (user: string) => cache.has(user, 'hash', Buffer.from('p'));
    for (const user of ['a', 'b']) cache.add(user, 'hash', Buffer.from('p'));
    expect(has('a')).toBe(true);
    cache.add('c', 'hash', Buffer.from('p'));
    expect([has('a'), has('b'), has('c')]).toEqual([true, false, true]);
  });

  test('ten thousand clients that connect again cost no hashes', async () => {
    const users = Array.from({ length: 10_000 }, (_, i) => ({
      name: `device-${i}`,
      passwordHash: `$6$${Buffer.alloc(12).toString('base64')}$${createHash('sha512').update(String(i)).digest('base64')}`,
    }));
    for (const [i, { passwordHash }] of users.entries()) hashes.set(passwordHash, `secret-${i}`);
    const table = tableOf(...users);
    const { login } = authenticationWith({ hashes, table: () => table });
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < users.length; i++) {
        const { accepted } = await login({ user: `device-${i}`, password: `secret-${i}` });
        if (!accepted) throw new Error(`device-${i} was refused in round ${round}`);
      }
    }
    expect(hashes.jobs).toHaveLength(10_000);
  });
});

describe('a connected client', () => {
  async function subjectWith(options: Parameters<typeof authenticationWith>[0], given: Login) {
    const { authentication, login } = authenticationWith(options);
    const result = await login(given);
    if (!result.accepted) throw new Error('the client was refused');
    return () => authentication.isCurrent(result.subject);
  }

  test.each([
    ['removed', tableOf()],
    ['disabled', tableOf({ disabled: true })],
    ['given another password', tableOf({ passwordHash: otherScrypt })],
  ])('is no longer current when its user is %s', async (_what, changed) => {
    let table: AccessTable = tableOf({});
    const options = { hashes, table: () => table };
    const isCurrent = await subjectWith(options, { user: 'alice', password: 'secret' });
    expect(isCurrent()).toBe(true);
    table = tableOf({ role: 'admin', groups: ['plant'] }, { name: 'bob' });
    expect(isCurrent()).toBe(true);
    table = changed;
    expect(isCurrent()).toBe(false);
  });

  test('is no longer current when the password file has another password for its user', async () => {
    let users = file(`bob:${pbkdf2}`);
    const options = { hashes, listeners: both, passwordFile: () => users() };
    const isCurrent = await subjectWith(options, { user: 'bob', password: 'file-secret' });
    expect(isCurrent()).toBe(true);
    users = file(`bob:${sha512}`);
    expect(isCurrent()).toBe(false);
  });

  test('with a certificate is no longer current when its user is disabled in the cluster', async () => {
    const listeners = new Map([['default', { providers: ['certificate'], anonymous: false }]] as const);
    let table = tableOf();
    const certificate = { commonName: 'alice', alternativeNames: [] };
    const isCurrent = await subjectWith({ hashes, listeners, table: () => table }, { certificate });
    expect(isCurrent()).toBe(true);
    table = tableOf({ disabled: true });
    expect(isCurrent()).toBe(false);
  });

  test('without a user is always current', async () => {
    const listeners = new Map([['default', { providers: [], anonymous: true }]] as const);
    const isCurrent = await subjectWith({ hashes, listeners, table: () => tableOf({ disabled: true }) }, {});
    expect(isCurrent()).toBe(true);
  });
});

describe('a flood of wrong passwords', () => {
  let nowMs: number;
  const now = () => nowMs;
  beforeEach(() => (nowMs = 0));

  test('is limited for its address and user only, known or not, and ends with time', async () => {
    const table = () => tableOf({}, { name: 'bob', passwordHash: otherScrypt });
    hashes.set(otherScrypt, 'bob-secret');
    const { login } = authenticationWith({ hashes, table, now });
    for (const user of ['alice', 'mallory']) {
      for (let i = 0; i < 10; i++) expect(await login({ user, password: `guess ${i}` })).toEqual(refused);
      expect(await login({ user, password: 'secret' })).toEqual(busy);
    }
    expect(hashes.jobs).toHaveLength(20);
    expect((await login({ user: 'bob', password: 'bob-secret' })).accepted).toBe(true);
    expect((await login({ user: 'alice', password: 'secret', address: '192.0.2.2' })).accepted).toBe(true);
    nowMs = 60_000;
    expect((await login({ user: 'alice', password: 'secret' })).accepted).toBe(true);
  });

  test('does not affect a client whose password matched before', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}), now });
    await login({ user: 'alice', password: 'secret' });
    for (let i = 0; i < 20; i++) await login({ user: 'alice', password: 'guess' });
    expect((await login({ user: 'alice', password: 'secret' })).accepted).toBe(true);
  });

  test('with many user names is limited by its address', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}), now });
    for (let i = 0; i < 200; i++) await login({ user: `user ${i}`, password: 'guess' });
    expect(hashes.jobs).toHaveLength(60);
  });

  test('occupies bounded memory', () => {
    const limiter = new FailureLimiter(now, 100);
    for (let i = 0; i < 1_000; i++) limiter.onFailure(`192.0.2.${i % 250}`, `user ${i}`);
    expect(limiter.size).toBe(100);
  });

  test('is one log line with a count, which contains no user name and no password', async () => {
    const lines: string[] = [];
    const { login, authentication } = authenticationWith({ hashes, now, logger: recordingLogger(lines) });
    for (let i = 0; i < 20; i++) await login({ user: 'swordfish', password: 'guess' });
    authentication.stop();
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('"count":19');
    expect(lines.join()).not.toMatch(/swordfish|guess/);
  });

  test('a full queue of password checks is answered with busy and is no failure of the client', async () => {
    const { login } = authenticationWith({ hashes, table: () => tableOf({}), now });
    hashes.verdict = 'busy';
    for (let i = 0; i < 20; i++) expect(await login({ user: 'alice', password: 'secret' })).toEqual(busy);
    hashes.verdict = null;
    expect((await login({ user: 'alice', password: 'secret' })).accepted).toBe(true);
  });
});

test('an error of a provider refuses the client as unavailable, and is logged', async () => {
  const lines: string[] = [];
  const table = (): AccessTable => {
    throw new Error('no state');
  };
  const { login } = authenticationWith({ hashes, table, logger: recordingLogger(lines) });
  expect(await login({ user: 'alice', password: 'x' })).toEqual({ accepted: false, reason: 'unavailable' });
  expect(lines[0]).toContain('no state');
});

test('each result is counted by provider and result', async () => {
  const metrics = new CountingMetrics();
  const { login } = authenticationWith({ hashes, table: () => tableOf({}), metrics });
  await login({ user: 'alice', password: 'secret' });
  await login({ user: 'alice', password: 'secret' });
  await login({ user: 'alice', password: 'wrong' });
  await login({ user: 'mallory', password: 'wrong' });
  expect(metrics.totals).toEqual({
    'mqtt_cluster_authentications_total cluster accepted': 2,
    'mqtt_cluster_authentications_total cluster credentials': 1,
    'mqtt_cluster_authentications_total none credentials': 1,
    mqtt_cluster_password_cache_hits_total: 1,
  });
});
