import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials, Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { WatchedFiles } from '@mqtt-cluster/runtime';
import { Authorization } from '../../src/admin/authorization.ts';
import { ClientAuthentication } from '../../src/authentication/client-authentication.ts';
import { configSchema } from '../../src/config.ts';
import { passwordLine } from '../support/password-file.ts';

const token = 'a-token-of-this-test-only';
const authorization = new Authorization(token, false);
const withUsers = [{ name: 'users', port: 5, authentication: ['passwordFile'] }];
const local = '127.0.0.1';
const remote = '192.0.2.7';

let nowMs = 0;
let opened: ClientAuthentication[] = [];
afterEach(async () => {
  for (const authentication of opened) await authentication.stop();
  opened = [];
});

/** Authenticates a client of a member with the listeners `plain`, `tls`, `wss` and `proxied`. */
async function login(given: Partial<Credentials>, settings: object = {}) {
  const lines: string[] = [];
  const exposed: object[] = [];
  const warn = (fields: object, text: string) => lines.push(`${text} ${JSON.stringify(fields)}`);
  const logger = { ...silentLogger, warn } as unknown as Logger;
  const tls = { key: 'k', cert: 'c' };
  const listeners = [
    { name: 'plain', port: 1, anonymous: true },
    { name: 'tls', kind: 'tls', port: 2, anonymous: true, tls },
    { name: 'wss', kind: 'wss', port: 3, anonymous: true, tls },
    { name: 'proxied', port: 4, anonymous: true, proxy: ['192.0.2.1'] },
  ];
  const config = configSchema.parse({
    ...{ id: 'a', peers: ['a=127.0.0.1:7883'], mqtt: { listeners } },
    ...settings,
  });
  const authentication = await ClientAuthentication.open({
    config,
    files: new WatchedFiles({ logger }),
    logger,
    metrics: noMetrics,
    table: () => ({ version: 0, users: new Map(), rules: [] }),
    isAdministrator: (userName, password) => authorization.allowsTopics(userName, password),
    onExposedToken: (client) => exposed.push(client),
    now: () => nowMs,
  });
  opened.push(authentication);
  const result = await authentication.authenticate({
    ...{ client: 'c', address: remote, listener: 'plain', userName: 'admin', password: Buffer.from(token) },
    ...given,
  });
  const isAdministrator = result.accepted && authentication.isInternal(result.subject);
  return { authentication, outcome: { accepted: result.accepted, isAdministrator, lines, exposed } };
}

test.each<[string, Partial<Credentials>, object]>([
  ['a tls listener', { listener: 'tls' }, {}],
  ['a wss listener', { listener: 'wss' }, {}],
  ['a plain listener, from a loopback address', { address: local }, {}],
  ['a plain listener in a lab', {}, { lab: true }],
  ['/mqtt of the HTTP port, which admits plain HTTP from this host only', { listener: '$console' }, {}],
  ['the sign-in of the console, which refuses plain HTTP itself', { listener: '$http' }, {}],
])('the admin token is a password at %s', async (_where, given, settings) => {
  expect((await login(given, settings)).outcome).toEqual({
    accepted: true,
    isAdministrator: true,
    lines: [],
    exposed: [],
  });
});

test.each<[string, Partial<Credentials>, object]>([
  ['from another host', {}, {}],
  ['from another host in a PROXY header', { listener: 'proxied' }, {}],
  ['from a loopback address in a PROXY header', { listener: 'proxied', address: local }, {}],
  [
    'from a loopback address that is not trusted, such as that of a port forwarder',
    { address: local },
    { admin: { trustLoopback: false } },
  ],
  [
    'at /mqtt of the HTTP port from a loopback address that is not trusted',
    { listener: '$console', address: local },
    { admin: { trustLoopback: false } },
  ],
])(
  'the admin token at a listener without TLS is refused %s, and reported as exposed',
  async (_from, ...how) => {
    const { accepted, isAdministrator, lines, exposed } = (await login(...how)).outcome;
    expect({ accepted, isAdministrator }).toEqual({ accepted: false, isAdministrator: false });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/admin token at a listener without TLS: use a tls or wss listener/);
    const [{ address = remote, listener = 'plain' }] = how;
    expect(exposed).toEqual([{ address, listener }]);
    expect(lines[0]).not.toContain(token);
  },
);

describe('guesses of the admin token', () => {
  const right = { client: 'c', listener: '$console', userName: 'admin', password: Buffer.from(token) };
  const wrong = { ...right, password: Buffer.from('other') };

  /** Guesses often, and returns whether the right token is accepted from the address, and from another one. */
  async function guess(
    address: string,
    isLocal: boolean,
    settings: object = {},
    listener = '$console',
  ): Promise<boolean[]> {
    const { authentication } = await login({}, { lab: true, ...settings });
    const transport = { isEncrypted: true, isLocal };
    for (let count = 0; count < 20; count += 1)
      await authentication.authenticate({ ...wrong, listener, address }, transport);
    const accepted = async (from: string): Promise<boolean> => {
      const result = await authentication.authenticate({ ...right, listener, address: from }, transport);
      return result.accepted && authentication.isInternal(result.subject);
    };
    return [await accepted(address), await accepted('198.51.100.9')];
  }

  test.each([
    ['/mqtt of the HTTP port', '$console'],
    ['a listener without users', 'plain'],
    ['a tls listener', 'tls'],
  ])('at %s lock the administrator out at that address, and at no other', async (_where, listener) => {
    expect(await guess(remote, false, {}, listener)).toEqual([false, true]);
  });

  test('do not count while they are refused, so the right token is accepted some seconds later', async () => {
    const { authentication } = await login({}, { lab: true });
    for (let count = 0; count < 1_000; count += 1)
      await authentication.authenticate({ ...wrong, listener: 'tls', address: remote });
    nowMs += 12_000;
    const result = await authentication.authenticate({ ...right, listener: 'tls', address: remote });
    expect(result.accepted && authentication.isInternal(result.subject)).toBe(true);
  });

  describe('at a listener with the users of a file', () => {
    let folder = '';
    let authentication: ClientAuthentication;
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'admin-token-'));
      const passwordFile = join(folder, 'passwords');
      writeFileSync(passwordFile, passwordLine('admin', 'the password of the file'), { mode: 0o600 });
      ({ authentication } = await login({}, { lab: true, mqtt: { passwordFile, listeners: withUsers } }));
    });
    afterEach(() => rmSync(folder, { recursive: true }));
    const present = async (password: string): Promise<boolean> => {
      const given = { ...right, listener: 'users', address: remote, password: Buffer.from(password) };
      const result = await authentication.authenticate(given);
      return result.accepted && authentication.isInternal(result.subject);
    };

    test('count before they are refused, so that of those that arrive together at most ten are compared', async () => {
      const guesses = Array.from({ length: 20 }, (_, number) => present(`guess ${number}`));
      expect(await present(token)).toBe(false);
      await Promise.all(guesses);
      nowMs += 12_000;
      expect(await present(token)).toBe(true);
    });

    test('are not the logins of a user admin with the right password', async () => {
      for (let count = 0; count < 20; count += 1) await present('the password of the file');
      expect(await present(token)).toBe(true);
    });
  });

  test('do not lock devices with the user name admin out of a listener without users', async () => {
    const { authentication } = await login({}, { lab: true });
    for (let count = 0; count < 100; count += 1) {
      const { accepted } = await authentication.authenticate({
        ...wrong,
        listener: 'plain',
        address: remote,
      });
      expect(accepted).toBe(true);
    }
  });

  test('at /mqtt of the HTTP port lock a loopback address out only if it is not trusted, or belongs to a proxy', async () => {
    expect(await guess(local, true)).toEqual([true, true]);
    expect(await guess(local, false)).toEqual([false, true]);
    expect(await guess(local, true, { admin: { trustLoopback: false } })).toEqual([false, true]);
  });

  test('are not what other users send, so devices at the wrong port lock nobody out', async () => {
    const { authentication } = await login({}, { lab: true });
    for (let count = 0; count < 100; count += 1)
      await authentication.authenticate({ ...wrong, userName: `user-${count % 9}`, address: remote });
    const { accepted } = await authentication.authenticate({ ...right, address: remote });
    expect(accepted).toBe(true);
  });
});

test('another password of the user admin is left to the listener', async () => {
  expect((await login({ password: Buffer.from('other') })).outcome).toEqual({
    accepted: true,
    isAdministrator: false,
    lines: [],
    exposed: [],
  });
});

test.each([{}, { userName: 'ann' }, { userName: 'admin' }])(
  'nobody but an administrator is admitted at /mqtt of the HTTP port with the credentials %j, and one line says why',
  async ({ userName }) => {
    const given = { listener: '$console', userName, password: userName && Buffer.from('other') };
    const { accepted, lines } = (await login(given as Partial<Credentials>)).outcome;
    expect(accepted).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\/mqtt of the HTTP port.*sign in.*wss listener/);
  },
);
