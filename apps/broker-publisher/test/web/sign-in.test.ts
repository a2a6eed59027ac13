import { silentLogger } from '@mqtt-cluster/contracts';
import type { AuthenticationResult, Credentials, Role } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { AdminAccess } from '../../src/admin/access/admin-access.ts';
import { AuditLog } from '../../src/admin/access/audit-log.ts';
import { Authorization } from '../../src/admin/authorization.ts';
import { Sessions } from '../../src/web/sessions.ts';
import { SignIn } from '../../src/web/sign-in.ts';
import type { WebRequest } from '../../src/web/sign-in.ts';

const roles: Readonly<Record<string, Role | undefined>> = {
  vera: 'viewer',
  otto: 'operator',
  nobody: undefined,
};
const token = 'a-token-of-some-length';
let lines: object[] = [];
let checks = 0;
let answer: 'right' | 'busy' | 'unavailable' = 'right';

async function authenticate({
  userName = '',
  password,
  ...more
}: Credentials): Promise<AuthenticationResult> {
  checks += 1;
  if (answer !== 'right') return { accepted: false, reason: answer };
  if (!(userName in roles) || Buffer.from(password ?? []).toString() !== 'right')
    return { accepted: false, reason: 'credentials' };
  const role = roles[userName];
  const identity = { source: 'cluster' as const, user: userName, groups: [], ...more };
  return { accepted: true, subject: { identity, ...(role !== undefined && { role }) } };
}

function create({ lab = false, tokenText = token as string | null } = {}) {
  const logger = {
    ...silentLogger,
    info: (fields: object) => lines.push(fields),
    warn: (fields: object) => lines.push(fields),
  };
  const now = () => 0;
  const sessions = new Sessions({ isCurrent: () => true, now });
  const authorization = new Authorization(tokenText, true);
  const access = new AdminAccess({ authorization, authenticator: { authenticate }, sessions, lab, now });
  return {
    access,
    sessions,
    signIn: new SignIn({ access, sessions, audit: new AuditLog(logger, noMetrics, now) }),
  };
}

beforeEach(() => {
  lines = [];
  checks = 0;
  answer = 'right';
});

function request(more: Partial<WebRequest> = {}): WebRequest {
  const local = {
    isLocal: false,
    address: '192.0.2.1',
    isPrivate: true,
    isSecure: true,
    mayBeFromPage: true,
  };
  return { headers: {}, ...local, ...more };
}

const withCookie = (setCookie: string) => request({ headers: { cookie: setCookie.split(';')[0]! } });

async function signedIn(signIn: SignIn, user: string): Promise<string> {
  const result = await signIn.signIn(request(), { user, password: 'right' });
  if (!result.ok) throw new Error(result.reason);
  return result.setCookie!;
}

test('a user signs in, may do what its role permits, and signs out', async () => {
  const { access, signIn } = create();
  const cookie = await signedIn(signIn, 'otto');
  const later = withCookie(cookie);
  expect(await signIn.me(later)).toEqual({
    ok: true,
    value: { user: 'otto', role: 'operator', lab: false, anonymous: false },
  });
  expect(await access.decide(later, 'drain')).toMatchObject({
    granted: true,
    user: 'otto',
    subject: { role: 'operator' },
  });
  expect(await access.decide(later, 'backup')).toMatchObject({
    granted: false,
    code: 403,
    reason: 'this needs the role admin, and the user has the role operator',
  });
  expect(signIn.signOut(later)).toEqual({
    ok: true,
    value: {},
    setCookie: expect.stringContaining('Max-Age=0'),
  });
  expect(await signIn.me(later)).toMatchObject({ ok: false, code: 401 });
  expect(await access.decide(later, 'members')).toMatchObject({ granted: false, isUnauthenticated: true });
  expect(lines).toEqual([
    expect.objectContaining({ action: 'sign-in', actor: 'otto', address: '192.0.2.1', outcome: 'done' }),
    expect.objectContaining({ action: 'sign-out', actor: 'otto', outcome: 'done' }),
  ]);
});

test.each([
  ['a wrong password', { user: 'otto', password: 'typing-error' }, 401],
  ['an unknown user', { user: 'mallory', password: 'right' }, 401],
  ['an empty user', { user: '', password: 'right' }, 401],
  ['a user without a role', { user: 'nobody', password: 'right' }, 403],
])('%s opens no session, and the audit log contains no password', async (_what, credentials, code) => {
  const { signIn, sessions } = create();
  expect(await signIn.signIn(request(), credentials)).toMatchObject({ ok: false, code });
  expect(sessions.size).toBe(0);
  expect(JSON.stringify(lines)).toMatch(/"action":"sign-in".*"reason"/);
  expect(JSON.stringify(lines)).not.toContain(credentials.password);
});

test('a password over plain HTTP from another host is refused without a check, except in a lab', async () => {
  const plain = request({ isPrivate: false, isSecure: false });
  const credentials = { user: 'otto', password: 'right' };
  expect(await create().signIn.signIn(plain, credentials)).toMatchObject({
    ok: false,
    code: 403,
    reason: expect.stringContaining('http.tls'),
  });
  expect(checks).toBe(0);
  expect(await create({ lab: true }).signIn.signIn(plain, credentials)).toMatchObject({ ok: true });
});

const basic = (password: string): string => `Basic ${Buffer.from(`otto:${password}`).toString('base64')}`;

test('wrong passwords slow down their network, together with those of other requests', async () => {
  const { access, signIn } = create();
  const codes: number[] = [];
  for (let number = 0; number < 8; number++) {
    const result = await signIn.signIn(request(), { user: 'otto', password: `guess-${number}` });
    if (!result.ok) codes.push(result.code);
  }
  for (let number = 0; number < 2; number++)
    await access.decide(
      request({ headers: { authorization: basic(`guess-${number}`) }, mayBeFromPage: false }),
      'members',
    );
  expect(codes).toEqual(Array(8).fill(401));
  expect(await signIn.signIn(request(), { user: 'otto', password: 'right' })).toEqual({
    ok: false,
    code: 429,
    reason: expect.any(String),
    retryAfterSeconds: 2,
  });
  expect(checks).toBe(10);
  const elsewhere = request({ address: '198.51.100.1' });
  expect(await signIn.signIn(elsewhere, { user: 'otto', password: 'right' })).toMatchObject({ ok: true });
});

test.each([
  ['busy', 429],
  ['unavailable', 503],
] as const)('a check of passwords that is %s is answered with %d', async (state, code) => {
  answer = state;
  expect(await create().signIn.signIn(request(), { user: 'otto', password: 'right' })).toMatchObject({
    ok: false,
    code,
  });
});

test('a second sign-in in the same browser replaces the session, so a planted cookie is worth nothing', async () => {
  const { signIn, sessions } = create();
  const first = await signedIn(signIn, 'vera');
  const result = await signIn.signIn(withCookie(first), { user: 'otto', password: 'right' });
  expect(result).toMatchObject({ ok: true });
  expect(sessions.size).toBe(1);
  expect(await signIn.me(withCookie(first))).toMatchObject({ ok: false, code: 401 });
});

test('without users this host is an anonymous administrator, and another host is nobody', async () => {
  const { signIn } = create({ tokenText: null });
  const local = request({ isLocal: true, address: '127.0.0.1' });
  expect(await signIn.me(local)).toEqual({
    ok: true,
    value: { user: null, role: 'admin', lab: false, anonymous: true },
  });
  expect(await signIn.me(request())).toMatchObject({ ok: false, code: 401 });
});

test('the admin token is an administrator without a user, and not an anonymous one', async () => {
  const bearer = request({ headers: { authorization: `Bearer ${token}` } });
  expect(await create().signIn.me(bearer)).toMatchObject({
    value: { user: null, role: 'admin', anonymous: false },
  });
});
