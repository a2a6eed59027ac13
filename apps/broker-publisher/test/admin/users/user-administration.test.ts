import type { AccessChange, AccessTable, AccessUser, AdminOutcome } from '@mqtt-cluster/contracts';
import { UserAdministration } from '../../../src/admin/users/user-administration.ts';
import { handleUserRequest, userPath } from '../../../src/admin/users/user-routes.ts';

const hash = '$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const fileHash = `$7$101$${Buffer.alloc(12).toString('base64')}$${Buffer.alloc(64).toString('base64')}`;
const alice: AccessUser = { name: 'alice', passwordHash: fileHash, groups: ['plant'], role: 'operator' };

let users: Map<string, AccessUser>;
let changes: AccessChange[];
let outcome: AdminOutcome;
let hashed: string[];
let createHash: (password: Uint8Array) => Promise<string>;
let administration: UserAdministration;

beforeEach(() => {
  users = new Map([['alice', alice]]);
  changes = [];
  hashed = [];
  outcome = { accepted: true, reason: '' };
  createHash = async (password) => {
    hashed.push(Buffer.from(password).toString());
    return hash;
  };
  administration = new UserAdministration({
    table: (): AccessTable => ({ version: 3, users, rules: [] }),
    change: async (change) => {
      changes.push(change);
      return outcome;
    },
    createHash: (password) => createHash(password),
  });
});

function request(method: string, path: string, body: unknown = {}) {
  const query = new URLSearchParams();
  const json = async () => body;
  return handleUserRequest(administration, {
    method,
    path,
    query,
    headers: {},
    isLocal: true,
    address: '127.0.0.1',
    isPrivate: true,
    isSecure: false,
    mayBeFromPage: false,
    json,
  });
}

test('the list of users shows no password hashes', async () => {
  users.set('Zoe', { name: 'Zoe', passwordHash: hash, groups: [], disabled: true });
  const { code, body } = await request('GET', '/cluster/users');
  expect(code).toBe(200);
  expect(body).toEqual({
    version: 3,
    users: [
      { name: 'Zoe', groups: [], role: null, disabled: true },
      { name: 'alice', groups: ['plant'], role: 'operator', disabled: false },
    ],
  });
});

test('a new user is proposed with the hash of its password, never with the password', async () => {
  const { code } = await request('PUT', userPath('plant/7 ü'), {
    password: 'secret',
    groups: ['a'],
    role: 'viewer',
  });
  expect(code).toBe(200);
  expect(hashed).toEqual(['secret']);
  expect(changes).toEqual([
    { users: [{ name: 'plant/7 ü', passwordHash: hash, groups: ['a'], role: 'viewer' }] },
  ]);
});

test('a change keeps the fields that it does not name', async () => {
  await request('PUT', userPath('alice'), { password: 'new' });
  await request('PUT', userPath('alice'), { disabled: true });
  await request('PUT', userPath('alice'), { role: null, groups: [] });
  expect(changes).toEqual([
    { users: [{ ...alice, passwordHash: hash }] },
    { users: [{ ...alice, disabled: true }] },
    { users: [{ name: 'alice', passwordHash: fileHash, groups: [] }] },
  ]);
});

test('a change that another request makes while the hash is computed is kept', async () => {
  createHash = async () => {
    users.set('alice', { ...alice, groups: ['changed'] });
    return hash;
  };
  await request('PUT', userPath('alice'), { password: 'new' });
  expect(changes).toEqual([{ users: [{ ...alice, groups: ['changed'], passwordHash: hash }] }]);
});

test.each([
  ['a new user without a password', 'bob', {}, 400, 'is new, so password or passwordHash is required'],
  ['a user that must not exist', 'alice', { mode: 'create', password: 'x' }, 409, 'the user alice exists'],
  ['a user that must exist', 'bob', { mode: 'change', password: 'x' }, 404, 'there is no user bob'],
  ['an empty password', 'bob', { password: '' }, 400, 'password: '],
  ['a long password', 'bob', { password: 'x'.repeat(1_025) }, 400, 'at most 1024 bytes'],
  ['a password and a hash', 'bob', { password: 'x', passwordHash: hash }, 400, 'exclude each other'],
  ['a password as hash', 'bob', { passwordHash: 'swordfish' }, 400, 'plain text'],
  [
    'a hash that costs gigabytes',
    'bob',
    { passwordHash: hash.replace('ln=14', 'ln=30') },
    400,
    'out of bounds',
  ],
  ['an unknown role', 'bob', { password: 'x', role: 'root' }, 400, 'role: '],
  ['an unknown field', 'bob', { password: 'swordfish', roles: [] }, 400, 'roles'],
  ['a password that is no text', 'bob', { password: { swordfish: 1 } }, 400, 'password: '],
  ['a control character in the name', 'bo\nb', { password: 'x' }, 400, 'no control characters'],
  ['the name of the owner of a link', '$link/plant', { password: 'x' }, 400, 'not below $link/'],
  ['a name that is too long', 'x'.repeat(257), { password: 'x' }, 400, '1 to 256 bytes'],
])('%s is refused, and the answer does not contain the password', async (_what, name, body, code, error) => {
  const answer = await request('PUT', userPath(name), body);
  expect(answer).toMatchObject({ code, body: { error: expect.stringContaining(error) } });
  expect(JSON.stringify(answer)).not.toContain('swordfish');
  expect(changes).toEqual([]);
});

test('a full queue of hashes is answered as a transient refusal', async () => {
  createHash = async () => {
    throw new Error('too many password checks wait; try again later');
  };
  expect(await request('PUT', userPath('bob'), { password: 'x' })).toMatchObject({
    code: 409,
    body: { later: true },
  });
});

test('a refusal of the cluster is passed on with its reason', async () => {
  outcome = { accepted: false, reason: 'no majority', later: true };
  const expected = { code: 409, body: { error: 'no majority', later: true } };
  expect(await request('PUT', userPath('bob'), { password: 'x' })).toEqual(expected);
  expect(await request('DELETE', userPath('alice'))).toEqual(expected);
});

test('a removed user is proposed by name, and an unknown user is reported', async () => {
  expect((await request('DELETE', userPath('alice'))).code).toBe(200);
  expect(changes).toEqual([{ removed: ['alice'] }]);
  expect((await request('DELETE', userPath('bob'))).code).toBe(404);
});

test('an import keeps groups and role of users that exist', async () => {
  const body = {
    users: [
      { name: 'alice', passwordHash: hash },
      { name: 'bob', passwordHash: fileHash },
    ],
  };
  expect((await request('POST', '/cluster/users', body)).code).toBe(200);
  expect(changes).toEqual([
    {
      users: [
        { ...alice, passwordHash: hash },
        { name: 'bob', passwordHash: fileHash, groups: [] },
      ],
    },
  ]);
});

test('an import with one invalid hash imports nothing', async () => {
  const body = {
    users: [
      { name: 'bob', passwordHash: fileHash },
      { name: 'carl', passwordHash: 'swordfish' },
    ],
  };
  const answer = await request('POST', '/cluster/users', body);
  expect(answer).toMatchObject({
    code: 400,
    body: { error: expect.stringContaining('users.1.passwordHash') },
  });
  expect(JSON.stringify(answer)).not.toContain('swordfish');
  expect(changes).toEqual([]);
});

test.each([
  ['PATCH', '/cluster/users', 405],
  ['GET', '/cluster/users/alice', 405],
  ['PUT', '/cluster/users/%ff', 400],
])('the request %s %s is answered with %i', async (method, path, code) => {
  expect((await request(method, path)).code).toBe(code);
});
