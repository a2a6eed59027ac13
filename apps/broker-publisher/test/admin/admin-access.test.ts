import type { AuthenticationResult, Credentials, Role } from '@mqtt-cluster/contracts';
import { AdminAccess } from '../../src/admin/access/admin-access.ts';
import { neededRole, roleOfAct } from '../../src/admin/access/admin-roles.ts';
import { Authorization } from '../../src/admin/authorization.ts';

const token = 'a-token-of-some-length';
const roles: Readonly<Record<string, Role | undefined>> = {
  vera: 'viewer',
  otto: 'operator',
  ada: 'admin',
  nobody: undefined,
};
let nowMs = 0;

/** Accepts each user of the table with the password `right`. */
async function authenticate({
  userName = '',
  password,
  client,
  address,
  listener,
}: Credentials): Promise<AuthenticationResult> {
  if (!(userName in roles) || Buffer.from(password ?? []).toString() !== 'right')
    return { accepted: false, reason: 'credentials' };
  const role = roles[userName];
  const identity = { source: 'cluster' as const, user: userName, groups: [], client, address, listener };
  return { accepted: true, subject: { identity, ...(role !== undefined && { role }) } };
}

function accessWith({
  tokenText = null as string | null,
  trustsLoopback = true,
  lab = false,
  servesHttps = false,
} = {}): AdminAccess {
  const authorization = new Authorization(tokenText, trustsLoopback);
  return new AdminAccess({
    authorization,
    authenticator: { authenticate },
    lab,
    servesHttps,
    now: () => nowMs,
  });
}

const basic = (user: string, password = 'right'): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

function request(authorization?: string, more: object = {}) {
  const headers = authorization === undefined ? {} : { authorization };
  return {
    headers,
    isLocal: false,
    address: '192.0.2.1',
    isPrivate: true,
    isSecure: false,
    mayBeFromPage: false,
    ...more,
  };
}

const reads = ['members', 'settings read', 'rules read', 'clients read', 'subscriptions read'];
const viewed = [...reads, 'retained read', 'events read', 'links read'];
const operated = ['settings', 'drain', 'undrain', 'transfer', 'disconnect', 'delete session'];

test.each([
  ['vera', viewed],
  ['otto', [...viewed, ...operated, 'delete retained', 'publish', 'subscribe', 'links pause', 'links test']],
  ['ada', Object.keys(roleOfAct)],
  ['nobody', []],
])('the user %s may do exactly what its role permits', async (user, permitted) => {
  const access = accessWith();
  const granted: string[] = [];
  for (const act of Object.keys(roleOfAct)) {
    const decision = await access.decide(request(basic(user)), act);
    if (decision.granted) granted.push(act);
    else expect(decision).toMatchObject({ code: 403, reason: expect.stringContaining(neededRole(act)) });
  }
  expect(granted.sort()).toEqual([...permitted].sort());
});

test('an act that the table does not list needs the role admin', async () => {
  const access = accessWith();
  expect(await access.decide(request(basic('otto')), 'constructor')).toMatchObject({ granted: false });
  expect(await access.decide(request(basic('ada')), 'constructor')).toMatchObject({ granted: true });
});

test('the admin token counts as the role admin, from any address', async () => {
  const access = accessWith({ tokenText: token });
  expect(await access.decide(request(`Bearer ${token}`, { isPrivate: false }), 'backup')).toEqual({
    granted: true,
    actor: { name: 'token', role: 'admin' },
    user: null,
  });
  expect(await access.decide(request(`Bearer ${token}x`), 'backup')).toMatchObject({
    granted: false,
    code: 403,
  });
});

test('at a port with HTTPS, the admin token over plain HTTP from another host is refused, right or wrong', async () => {
  const member = accessWith({ tokenText: token, servesHttps: true });
  const plain = { isPrivate: false };
  for (const given of [token, `${token}x`])
    expect(await member.decide(request(`Bearer ${given}`, plain), 'backup')).toEqual({
      granted: false,
      code: 403,
      reason: 'the admin token over plain HTTP from another host is refused: use HTTPS at this port',
    });
  expect(await member.decide(request(`Bearer ${token}`), 'backup')).toMatchObject({ granted: true });
  const lab = accessWith({ tokenText: token, servesHttps: true, lab: true });
  expect(await lab.decide(request(`Bearer ${token}`, plain), 'backup')).toMatchObject({ granted: true });
});

test('without credentials only this host may administer, and only without a token', async () => {
  const local = { isLocal: true, address: '127.0.0.1' };
  expect(await accessWith().decide(request(undefined, local), 'backup')).toEqual({
    granted: true,
    actor: { name: 'local', role: 'admin' },
    user: null,
  });
  expect(await accessWith().decide(request(), 'members')).toMatchObject({ granted: false, code: 403 });
  for (const options of [{ tokenText: token }, { trustsLoopback: false }])
    expect(await accessWith(options).decide(request(undefined, local), 'members')).toMatchObject({
      granted: false,
    });
});

test('a password over plain HTTP from another host is refused without a check, except in a lab', async () => {
  const plain = request(basic('ada'), { isPrivate: false });
  expect(await accessWith().decide(plain, 'members')).toMatchObject({
    granted: false,
    reason: expect.stringContaining('http.tls'),
  });
  expect(await accessWith({ lab: true }).decide(plain, 'members')).toMatchObject({ granted: true });
});

test('a session presented over plain HTTP from another host does not count, except in a lab', async () => {
  const subject = {
    identity: { source: 'cluster' as const, user: 'ada', groups: [], client: '', address: '', listener: '' },
  };
  const session = { user: 'ada', role: 'admin' as const, subject };
  const given = { headers: { cookie: `mqtt-cluster=${'x'.repeat(43)}` } };
  const decide = (more: object, lab = false) =>
    new AdminAccess({
      authorization: new Authorization(token, true),
      sessions: { find: () => session },
      lab,
      now: () => nowMs,
    }).decide(request(undefined, { ...given, ...more }), 'backup');
  expect(await decide({})).toMatchObject({ granted: true, user: 'ada' });
  expect(await decide({ isPrivate: false })).toMatchObject({ granted: false, isUnauthenticated: true });
  expect(await decide({ isPrivate: false }, true)).toMatchObject({ granted: true });
});

const fromNetwork = { isPrivate: false };
const withTls = { servesHttps: true };

test.each([
  ['another host without TLS', fromNetwork, {}, token, ['192.0.2.1']],
  ['another host without TLS, although the port has TLS', fromNetwork, withTls, token, ['192.0.2.1']],
  ['another host without TLS, in a lab', fromNetwork, { lab: true }, token, []],
  ['another host with TLS, or this host', { isPrivate: true }, {}, token, []],
  ['another host without TLS, with a wrong token', fromNetwork, {}, 'wrong', []],
  [
    'another host without TLS, with a wrong token, although the port has TLS',
    fromNetwork,
    withTls,
    'wrong',
    [],
  ],
])(
  'the right admin token of %s is reported as exposed if others may have read it',
  async (_where, more, options, sent, expected) => {
    const exposed: string[] = [];
    const access = new AdminAccess({
      authorization: new Authorization(token, true),
      lab: false,
      now: () => nowMs,
      onExposedToken: (address) => exposed.push(address),
      ...options,
    });
    const { granted } = await access.decide(request(`Bearer ${sent}`, more), 'members');
    expect(granted).toBe(sent === token && options !== withTls);
    expect(exposed).toEqual(expected);
  },
);

test('a page in a browser cannot use the password that the browser has stored', async () => {
  const page = request(basic('ada'), { mayBeFromPage: true, isLocal: false });
  expect(await accessWith().decide(page, 'drain')).toMatchObject({
    granted: false,
    reason: expect.stringContaining('browser'),
  });
});

test.each([
  ['passwords', (guess: number) => basic('ada', `wrong-${guess}`), basic('ada')],
  ['tokens', (guess: number) => `Bearer guess-${guess}`, `Bearer ${token}`],
])('guesses of %s are slowed down for their address only', async (_what, guess, right) => {
  const access = accessWith({ tokenText: token });
  const codes: number[] = [];
  for (let number = 0; number < 100; number++) {
    const decision = await access.decide(request(guess(number)), 'members');
    codes.push(decision.granted ? 200 : decision.code);
  }
  expect(codes.filter((code) => code === 403)).toHaveLength(10);
  expect(codes.filter((code) => code === 429)).toHaveLength(90);
  // The client cannot distinguish a right guess from a wrong one.
  expect(await access.decide(request(right), 'members')).toMatchObject({ granted: false, code: 429 });
  expect(await access.decide(request(right, { address: '192.0.2.2' }), 'members')).toMatchObject({
    granted: true,
  });
  nowMs += 2_000;
  expect(await access.decide(request(right), 'members')).toMatchObject({ granted: true });
});

test.each([
  ['passwords', (guess: number) => basic('ada', `wrong-${guess}`), basic('ada')],
  ['tokens', (guess: number) => `Bearer guess-${guess}`, `Bearer ${token}`],
])(
  'guesses of %s by other hosts of an IPv6 network do not slow down the host of the member, and its own guesses do',
  async (_what, guess, right) => {
    const access = accessWith({ tokenText: token });
    const own = { address: '2001:db8::51', isLocal: true };
    const codeOf = async (authorization: string, more: object): Promise<number> => {
      const decision = await access.decide(request(authorization, more), 'members');
      return decision.granted ? 200 : decision.code;
    };
    for (let number = 0; number < 10; number++)
      expect(await codeOf(guess(number), { address: '2001:db8::100' })).toBe(403);
    expect(await codeOf(right, { address: '2001:db8::52' })).toBe(429);
    expect(await codeOf(right, own)).toBe(200);
    for (let number = 0; number < 10; number++) expect(await codeOf(guess(number), own)).toBe(403);
    expect(await codeOf(right, own)).toBe(429);
  },
);

test.each([
  ['wrong ones', 'wrong', 10, 10],
  ['right ones', 'right', 100, 0],
])(
  'of passwords that arrive together, the member checks at most as many %s as the address has attempts',
  async (_what, password, checked, refused) => {
    const checks: (() => void)[] = [];
    let most = 0;
    const access = new AdminAccess({
      authorization: new Authorization(null, true),
      authenticator: {
        authenticate: async (credentials) => {
          await new Promise<void>((resolve) => {
            most = Math.max(most, checks.push(resolve));
          });
          return authenticate(credentials);
        },
      },
      lab: false,
      now: () => nowMs,
    });
    let count = 0;
    const decisions = Promise.all(
      Array.from({ length: 100 }, () => access.decide(request(basic('ada', password)), 'members')),
    );
    // Each round ends the checks that run, until no further one has begun.
    for (let idle = 0; idle < 10; idle = checks.length === 0 ? idle + 1 : 0) {
      await new Promise(setImmediate);
      count += checks.length;
      for (const finish of checks.splice(0)) finish();
    }
    const codes = (await decisions).map((decision) => (decision.granted ? 200 : decision.code));
    expect(count).toBe(checked);
    expect(most).toBe(10);
    expect(codes.filter((code) => code === 403)).toHaveLength(refused);
  },
);

test.each([
  ['whose checks have not ended', 'the check does not end'],
  ['that were wrong', 'credentials'],
])('a right token does not wait for passwords of its address %s', async (_which, outcome) => {
  const access = new AdminAccess({
    authorization: new Authorization(token, true),
    authenticator: {
      authenticate: (credentials) =>
        outcome === 'credentials' ? authenticate(credentials) : new Promise(() => undefined),
    },
    lab: false,
    now: () => nowMs,
  });
  const guesses = Array.from({ length: 20 }, () => access.decide(request(basic('ada', 'wrong')), 'members'));
  if (outcome === 'credentials') await Promise.all(guesses);
  const waits = new Promise((resolve) => setImmediate(resolve, 'the token waits'));
  expect(await Promise.race([access.decide(request(`Bearer ${token}`), 'members'), waits])).toMatchObject({
    granted: true,
  });
});

test('a user without the needed role does not count as a guess', async () => {
  const access = accessWith();
  for (let number = 0; number < 30; number++) {
    expect(await access.decide(request(basic('vera')), 'backup')).toMatchObject({ code: 403 });
  }
});

test.each([['Basic'], ['Basic !!!'], ['Basic YQ=='], [`Basic ${Buffer.from(':right').toString('base64')}`]])(
  'the header %j names no user and is refused',
  async (header) => {
    expect(await accessWith().decide(request(header), 'members')).toMatchObject({ granted: false });
  },
);
