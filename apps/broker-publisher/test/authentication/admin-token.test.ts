import type { Credentials, Logger } from '@mqtt-cluster/contracts';
import { silentLogger } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { WatchedFiles } from '@mqtt-cluster/runtime';
import { Authorization } from '../../src/admin/authorization.ts';
import { ClientAuthentication } from '../../src/authentication/client-authentication.ts';
import { configSchema } from '../../src/config.ts';

const token = 'a-token-of-this-test-only';
const authorization = new Authorization(token, false);
const local = '127.0.0.1';
const remote = '192.0.2.7';

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
  });
  opened.push(authentication);
  const result = await authentication.authenticate({
    ...{ client: 'c', address: remote, listener: 'plain', userName: 'admin', password: Buffer.from(token) },
    ...given,
  });
  const isAdministrator = result.accepted && authentication.isInternal(result.subject);
  return { accepted: result.accepted, isAdministrator, lines, exposed };
}

test.each<[string, Partial<Credentials>, object]>([
  ['a tls listener', { listener: 'tls' }, {}],
  ['a wss listener', { listener: 'wss' }, {}],
  ['a plain listener, from a loopback address', { address: local }, {}],
  ['a plain listener in a lab', {}, { lab: true }],
  ['/mqtt of the HTTP port, which refuses plain HTTP itself', { listener: '$console' }, {}],
  ['the sign-in of the console, which refuses plain HTTP itself', { listener: '$http' }, {}],
])('the admin token is a password at %s', async (_where, given, settings) => {
  expect(await login(given, settings)).toEqual({
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
])(
  'the admin token at a listener without TLS is refused %s, and reported as exposed',
  async (_from, ...how) => {
    const { accepted, isAdministrator, lines, exposed } = await login(...how);
    expect({ accepted, isAdministrator }).toEqual({ accepted: false, isAdministrator: false });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/admin token at a listener without TLS: use a tls or wss listener/);
    const [{ address = remote, listener = 'plain' }] = how;
    expect(exposed).toEqual([{ address, listener }]);
    expect(lines[0]).not.toContain(token);
  },
);

test('another password of the user admin is left to the listener', async () => {
  expect(await login({ password: Buffer.from('other') })).toEqual({
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
    const { accepted, lines } = await login(given as Partial<Credentials>);
    expect(accepted).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\/mqtt of the HTTP port.*sign in.*wss listener/);
  },
);
