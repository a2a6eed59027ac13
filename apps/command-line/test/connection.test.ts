import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority } from '@mqtt-cluster/testing';
import { answering, FakeApi, gaps } from './support/fake-api.ts';
import type { Handler } from './support/fake-api.ts';
import { run } from './support/run.ts';

const servers: FakeApi[] = [];
let directory: string;

beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'command-line-'))));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function start(handler: Handler, tls?: Parameters<typeof FakeApi.start>[1]): Promise<FakeApi> {
  const server = await FakeApi.start(handler, tls);
  servers.push(server);
  return server;
}

function fileOf(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const noMembers = { 'GET /members': { members: [], ...gaps }, 'GET /me': { user: null, role: null } };

test('takes the server that answers, while others are stopped or silent', async () => {
  const silent = await start(() => null);
  const living = await start(answering(noMembers));
  const [port] = await freePorts(1);
  const urls = [`http://${host}:${port}`, silent.url, living.url];
  const token = fileOf('choice', 'secret\n');
  const given = ['members', '--json', '--token-file', token, ...urls.flatMap((url) => ['--server', url])];
  const { status, err } = await run(given);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(living.requests.map(({ path }) => path)).toEqual(['/me', '/members']);
  // The choice reveals no credentials to a server that is not used.
  expect(silent.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test('names the reason of each server if no server answers', async () => {
  const broken = await start(() => ({ status: 500, body: {} }));
  const [port] = await freePorts(1);
  const { status, err } = await run(['status', '--server', `http://${host}:${port}`, '--server', broken.url]);
  expect(status).toBe(1);
  expect(err).toContain(`http://${host}:${port}: connect ECONNREFUSED`);
  expect(err).toContain(`${broken.url}: HTTP status 500`);
});

test('reads the servers from MQTT_CLUSTER_SERVERS', async () => {
  const api = await start(answering(noMembers));
  expect((await run(['members'], { MQTT_CLUSTER_SERVERS: api.url })).status).toBe(0);
});

test.each([401, 403, 429])(
  'takes a member that refuses a question without credentials with status %i, and a broken one is not chosen',
  async (status) => {
    const broken = await start(() => ({ status: 503, body: {} }));
    const answer = answering(noMembers);
    const member = await start((request) =>
      request.headers.authorization === 'Bearer secret' ? answer(request) : { status, body: {} },
    );
    const environment = {
      MQTT_CLUSTER_SERVERS: `${broken.url} ${member.url}`,
      MQTT_CLUSTER_TOKEN: 'secret',
    };
    const { status: exit, err } = await run(['members', '--json'], environment);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    expect(member.requests.map(({ path }) => path)).toEqual(['/me', '/members']);
  },
);

test.each([
  { source: '--token-file', options: (file: string) => ['--token-file', file], environment: () => ({}) },
  {
    source: 'MQTT_CLUSTER_TOKEN_FILE',
    options: () => [],
    environment: (file: string) => ({ MQTT_CLUSTER_TOKEN_FILE: file, MQTT_CLUSTER_TOKEN: 'other' }),
  },
  {
    source: 'MQTT_CLUSTER_TOKEN',
    options: () => [],
    environment: () => ({ MQTT_CLUSTER_TOKEN: 'secret\n' }),
  },
])('sends the token of $source', async ({ options, environment }) => {
  const api = await start(answering(noMembers));
  const file = fileOf('token', 'secret\n');
  await run(['members', '--server', api.url, ...options(file)], environment(file));
  expect(api.requests[0]?.headers.authorization).toBe('Bearer secret');
});

test.each(['secret', 'secret\n', ' secret \r\n', '\nsecret\n\n'])(
  'sends the token of a file with %j as the member reads it: without spaces and line ends around it',
  async (content) => {
    const api = await start(answering(noMembers));
    const { status } = await run(['members', '--server', api.url, '--token-file', fileOf('spaces', content)]);
    expect(status).toBe(0);
    expect(api.requests[0]?.headers.authorization).toBe('Bearer secret');
  },
);

test.each(['', ' \n', 'two tokens\n', 'two\ntokens\n'])('rejects a token file with %j', async (content) => {
  const file = fileOf('invalid', content);
  const { status, err } = await run(['members', '--server', `http://${host}:1`, '--token-file', file]);
  expect(status).toBe(1);
  expect(err).toContain(`--token-file: ${file} must contain one token, without spaces`);
});

test('sends a password to the member of this host, also if no interface has the name in its configuration', async () => {
  const api = await start(answering(noMembers));
  // This form of the address reaches this host, and is in no list of its interfaces.
  const server = api.url.replace(host, `[::ffff:${host}]`);
  const given = ['members', '--json', '--user', 'ann', '--user-password-file', fileOf('own', 'sesame\n')];
  const memberHost = { connection: () => ({ server, tokenFile: null }), restore: async () => undefined };
  const { status, err } = await run(given, {}, { host: memberHost });
  expect({ status, err }).toEqual({ status: 0, err: '' });
  expect(api.requests[0]?.headers.authorization).toMatch(/^Basic /);
  const other = await run([...given, '--server', 'http://192.0.2.7:9100'], {}, { host: memberHost });
  expect(other.err).toContain('--user needs https');
});

test('sends user and password to a server on this host', async () => {
  const api = await start(answering(noMembers));
  const file = fileOf('password', 'sesame\n');
  await run(['members', '--server', api.url, '--user', 'ann', '--user-password-file', file]);
  expect(api.requests[0]?.headers.authorization).toBe(
    `Basic ${Buffer.from('ann:sesame').toString('base64')}`,
  );
});

test('sends no password to another host without TLS', async () => {
  const { status, err } = await run(['members', '--server', 'http://192.0.2.7:9100', '--user', 'ann']);
  expect(status).toBe(2);
  expect(err).toContain('--user needs https');
});

test('sends the header of changes with each change', async () => {
  const api = await start(
    answering({ 'POST /members/m1/undrain': { ok: true, text: 'm1 accepts clients' } }),
  );
  const { out } = await run(['undrain', 'm1', '--server', api.url]);
  expect(out).toBe('m1 accepts clients\n');
  expect(api.requests[0]?.headers['x-mqtt-cluster']).toBe('1');
});

test.each([
  { status: 400, exit: 2, hint: '' },
  { status: 401, exit: 1, hint: '--token-file' },
  { status: 403, exit: 1, hint: '' },
  { status: 409, exit: 1, hint: '' },
])(
  'prints the sentence of a problem with status $status, and exits with $exit',
  async ({ status, exit, hint }) => {
    const detail = 'The member m9 is unknown; the members are m1 and m2.';
    const api = await start(() => ({ status, body: { type: 'about:blank', title: '', status, detail } }));
    const result = await run(['undrain', 'm9', '--server', api.url]);
    expect(result.status).toBe(exit);
    expect(result.out).toBe('');
    expect(result.err).toContain(`mqtt-cluster: ${detail}`);
    expect(result.err).toContain(hint);
  },
);

test('describes a member without the HTTP API', async () => {
  const api = await start(() => ({ status: 404, body: 'not found' }));
  const { status, err } = await run(['status', '--server', api.url]);
  expect(status).toBe(1);
  expect(err).toContain('has no HTTP API, version 1');
});

test('repeats a change that the cluster rejects for now, and prints why', async () => {
  let times = 0;
  const detail = 'An election is running.';
  const api = await start(() =>
    ++times === 1
      ? { status: 409, body: { type: 'about:blank', title: '', status: 409, detail, later: true } }
      : { body: { ok: true, text: 'm2 leads' } },
  );
  const { status, out, err } = await run(['transfer', 'm2', '--server', api.url]);
  expect({ status, out, err }).toEqual({ status: 0, out: 'm2 leads\n', err: `will retry: ${detail}\n` });
});

requiring('openssl')('a server with TLS', () => {
  test('is trusted with --ca, and not without', async () => {
    const authority = new TestAuthority(directory);
    const { key, cert } = authority.issueServer('api', host);
    const api = await start(answering(noMembers), { key, cert });
    const ca = fileOf('ca.pem', authority.ca);
    expect((await run(['members', '--server', api.url, '--ca', ca])).status).toBe(0);
    const { status, err } = await run(['members', '--server', api.url]);
    expect(status).toBe(1);
    expect(err).toContain('name the authority of the cluster with --ca FILE');
  });

  test('is perhaps not running if it closes the connection: no certificate was given', async () => {
    const authority = new TestAuthority(directory, 'closing');
    const { key, cert } = authority.issueServer('closing', host);
    const api = await start(() => 'close', { key, cert });
    const { err } = await run(['members', '--server', api.url, '--ca', authority.caFile]);
    expect(err).toContain('is the member running, and does it serve HTTPS (http.tls)?');
    expect(err).not.toContain('--cert');
  });

  describe('that demands a client certificate', () => {
    let authority: TestAuthority;
    let tls: Parameters<typeof FakeApi.start>[1];

    beforeAll(() => {
      authority = new TestAuthority(directory, 'demanded');
      const { key, cert } = authority.issueServer('demanding', host);
      tls = { key, cert, ca: authority.ca, requestCert: true, rejectUnauthorized: true };
    });

    test('gets that of --cert and --key', async () => {
      const api = await start(answering(noMembers), tls);
      const { certFile, keyFile } = authority.issue('ann');
      const given = ['members', '--json', '--server', api.url, '--ca', authority.caFile];
      expect(await run([...given, '--cert', certFile, '--key', keyFile])).toMatchObject({
        status: 0,
        err: '',
      });
    });

    test('the error without one, or with one of another authority, names the options', async () => {
      const [api, second] = [await start(answering(noMembers), tls), await start(answering(noMembers), tls)];
      const given = ['members', '--json', '--server', api.url, '--ca', authority.caFile];
      const reason = 'it demands a client certificate: add --cert FILE and --key FILE';
      expect(await run(given)).toMatchObject({ status: 1, err: `mqtt-cluster: ${api.url}: ${reason}\n` });
      const several = await run([...given, '--server', second.url]);
      expect(several.err).toContain(`${api.url}: ${reason}; ${second.url}: ${reason}`);
      const { certFile, keyFile } = new TestAuthority(directory, 'other').issue('eve');
      const stranger = await run([...given, '--cert', certFile, '--key', keyFile]);
      expect(stranger.status).toBe(1);
      expect(stranger.err).toContain('does it accept the certificate of --cert');
    });

    test.each([
      ['a certificate without a key', (own: string) => ['--cert', own], '--cert needs --key FILE'],
      [
        'a key without a certificate',
        (_own: string, key: string) => ['--key', key],
        '--key needs --cert FILE',
      ],
      [
        'the key of another certificate',
        (own: string, _key: string, other: string) => ['--cert', own, '--key', other],
        'are no certificate with its key',
      ],
      [
        'a missing file',
        (own: string) => ['--cert', own, '--key', '/does/not/exist'],
        '--key: the file /does/not/exist cannot be read',
      ],
    ])('%s is rejected before a connection, with one line', async (_what, options, problem) => {
      const { certFile, keyFile } = authority.issue('bob');
      const other = authority.issue('carl').keyFile;
      const given = ['members', '--server', `https://${host}:1`, ...options(certFile, keyFile, other)];
      const { status, err } = await run(given);
      expect(status).toBe(2);
      expect(err).toContain(problem);
      expect(err.trim().split('\n')).toHaveLength(1);
    });
  });
});

test.each([
  {
    status: 404,
    detail: 'there is no member m9: GET /members lists the members',
    sentence: 'there is no member m9: the command "members" lists the members',
  },
  {
    status: 400,
    detail: 'the query parameter filter must be a topic filter',
    sentence: 'filter must be a topic filter',
  },
  {
    status: 400,
    detail: 'the body has no field "x": it may have queueFull',
    sentence: 'there is no setting or option "x": it may have queueFull',
  },
])('prints "$sentence" instead of the terms of HTTP', async ({ status, detail, sentence }) => {
  const api = await start(() => ({ status, body: { type: 'about:blank', title: '', status, detail } }));
  const { err } = await run(['undrain', 'm9', '--server', api.url]);
  expect(err).toBe(`mqtt-cluster: ${sentence}\n`);
});
