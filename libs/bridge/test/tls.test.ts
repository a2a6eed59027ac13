import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import type { BridgeTls } from '../src/index.ts';
import { freeSites, startBridge, stopAll, stopBridge } from './harness.ts';
import type { RunningBridge } from './harness.ts';
import { propose } from './samples.ts';

let directory: string;

function openssl(...parameters: readonly string[]): void {
  execFileSync('openssl', parameters, { cwd: directory, stdio: 'ignore' });
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function makeAuthority(name: string): void {
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
}

/** @param member the name in the certificate @param more further extensions in the form of openssl */
function makeCertificate(name: string, authority: string, member = name, more = ''): BridgeTls {
  openssl('req', ...newKey, '-subj', `/CN=${member}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  writeFileSync(join(directory, `${name}.ext`), `subjectAltName=DNS:${member}\n${more}`);
  openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-days', '2', '-out', `${name}.crt`, '-extfile', `${name}.ext`],
    ...['-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-CAcreateserial'],
  );
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  return { key: read(`${name}.key`), cert: read(`${name}.crt`), ca: read(`${authority}.crt`) };
}

function impostorAuthority(): string {
  return readFileSync(join(directory, 'impostor.crt'), 'utf8');
}

requiring('openssl')('bridges with mutual TLS', () => {
  const tls: Record<string, BridgeTls> = {};

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'bridge-tls-'));
    makeAuthority('authority');
    makeAuthority('impostor');
    for (const name of ['a', 'b', 'c']) tls[name] = makeCertificate(name, 'authority');
    // This member trusts the correct authority, so that the only fault is its own certificate.
    tls['server-only'] = makeCertificate('server-only', 'authority', 'b', 'extendedKeyUsage=serverAuth\n');
    tls['foreign'] = { ...makeCertificate('foreign', 'impostor'), ca: tls['a']!.ca };
  });

  afterAll(() => rmSync(directory, { recursive: true }));
  afterEach(stopAll);

  test('carry frames, and report the link to a stopped peer as refused', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    const b = await startBridge(sites, 'b', { tls: tls['b']! });
    await Promise.all([a.recorder.untilState('b', 'up'), b.recorder.untilState('a', 'up')]);
    const batch = new Uint8Array(3_000_000).fill(5);
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(batch) }]);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    expect(b.recorder.from('a')).toStrictEqual([propose(batch)]);
    await stopBridge(b);
    await a.recorder.untilState('b', 'refused');
    await startBridge(sites, 'b', { tls: tls['b']! });
    await a.recorder.untilState('b', 'up');
  });

  test.each([
    [
      'a certificate of another authority',
      'foreign',
      'SELF_SIGNED|UNABLE_TO',
      'closed after the TLS handshake',
    ],
    [
      'a certificate of another member',
      'c',
      'its certificate does not name this peer',
      'see the log of the peer for the reason',
    ],
    ['no certificate', undefined, 'TLS handshake with the cluster listener failed', 'closed or timed out'],
  ])('reject a peer with %s', async (_name, certificate, ownWarning, peerWarning) => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    const b = await startBridge(sites, 'b', certificate ? { tls: tls[certificate]! } : {});
    await a.recorder.until(() => a.recorder.warnings.some((warning) => new RegExp(ownWarning).test(warning)));
    await b.recorder.until(() => b.recorder.warnings.some((warning) => warning.includes(peerWarning)));
    await a.recorder.until(() =>
      a.recorder.warnings.some((warning) => warning.includes('cannot be connected')),
    );
    expect([...a.recorder.links, ...b.recorder.links].map(({ state }) => state)).not.toContain('up');
  });

  test('reject the connections of a peer whose certificate is permitted for servers only', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    await startBridge(sites, 'b', { tls: tls['server-only']! });
    await a.recorder.until(() =>
      a.recorder.warnings.some((warning) => /extended key usage/.test(warning) && /PURPOSE/.test(warning)),
    );
  });

  test('use a renewed certificate and a new authority for new connections, and keep the open ones', async () => {
    const sites = await freeSites('a', 'b');
    const [a, b] = await Promise.all(['a', 'b'].map((id) => startBridge(sites, id, { tls: tls[id]! })));
    await Promise.all([a!.recorder.untilState('b', 'up'), b!.recorder.untilState('a', 'up')]);
    const links = a!.recorder.links.length;
    const ca = `${tls['a']!.ca}\n${impostorAuthority()}`;
    for (const [id, site] of [
      ['a', a!],
      ['b', b!],
    ] as const)
      site.bridge.updateTls({ ...makeCertificate(`${id}-renewed`, 'impostor', id), ca });
    a!.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array(10)) }]);
    await b!.recorder.until(() => b!.recorder.messages.length === 1);
    expect(a!.recorder.links).toHaveLength(links);
    // A member that starts later trusts only the new authority.
    await stopBridge(b!);
    await a!.recorder.untilState('b', 'refused');
    const later = await startBridge(sites, 'b', { tls: makeCertificate('b-later', 'impostor', 'b') });
    await Promise.all([a!.recorder.untilState('b', 'up'), later.recorder.untilState('a', 'up')]);
  });

  test('keep their certificate if the key of a new one does not match', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    expect(() => a.bridge.updateTls({ ...tls['a']!, key: tls['b']!.key })).toThrow(/key values mismatch/);
    const b = await startBridge(sites, 'b', { tls: tls['b']! });
    await Promise.all([a.recorder.untilState('b', 'up'), b.recorder.untilState('a', 'up')]);
  });

  test('close the connections of a peer whose certificate is revoked, refuse it, and tell it the reason', async () => {
    const authority = new TestAuthority(directory, 'revoking');
    const issued = Object.fromEntries(
      ['a', 'b', 'c'].map((id) => [id, authority.issue(id, { alternativeNames: `DNS:${id}` })]),
    );
    const tlsOf = ({ key, cert }: TestCertificate): BridgeTls => ({
      key,
      cert,
      ca: authority.ca,
      revocations: authority.revocations,
    });
    const sites = await freeSites('a', 'b', 'c');
    const revokedBy: string[] = [];
    const onRevoked = (peer: string): void => {
      revokedBy.push(peer);
      b.recorder.changed();
    };
    const [a, b, c] = (await Promise.all(
      ['a', 'b', 'c'].map((id) => startBridge(sites, id, { tls: tlsOf(issued[id]!), onRevoked })),
    )) as [RunningBridge, RunningBridge, RunningBridge];
    const pairs = [
      [a, 'b'],
      [a, 'c'],
      [b, 'a'],
      [b, 'c'],
      [c, 'a'],
      [c, 'b'],
    ] as const;
    await Promise.all(pairs.map(([site, peer]) => site.recorder.untilState(peer, 'up')));
    const links = a.recorder.links.filter(({ peer }) => peer === 'c').length;
    authority.revoke(issued['b']!);
    for (const [id, site] of Object.entries({ a, c })) site.bridge.updateTls(tlsOf(issued[id]!));
    // Both directions: a and c close the connections to b and those of b.
    await Promise.all([
      a.recorder.untilState('b', 'down'),
      c.recorder.untilState('b', 'down'),
      b.recorder.untilState('a', 'down'),
      b.recorder.untilState('c', 'down'),
    ]);
    await a.recorder.until(() =>
      a.recorder.warnings.some((each) => /certificate rejected: it is revoked.*CERT_REVOKED/.test(each)),
    );
    await a.recorder.until(() =>
      a.recorder.warnings.some((each) => /cannot be connected.*certificate revoked/.test(each)),
    );
    await b.recorder.until(() => revokedBy.includes('a') && revokedBy.includes('c'));
    expect([a.recorder.state('b'), c.recorder.state('b')]).toEqual(['down', 'down']);
    expect(a.recorder.links.filter(({ peer }) => peer === 'c')).toHaveLength(links);
    expect(new Set(revokedBy)).toEqual(new Set(['a', 'c']));
    // A new key and certificate of the same member is accepted.
    await stopBridge(b);
    const renewed = authority.issue('b', { alternativeNames: 'DNS:b' });
    const later = await startBridge(sites, 'b', { tls: tlsOf(renewed) });
    await Promise.all([a.recorder.untilState('b', 'up'), later.recorder.untilState('a', 'up')]);
  });

  test('close both connections of a peer when the intermediate authority that only it presents is revoked', async () => {
    const root = new TestAuthority(directory, 'root');
    const intermediate = new TestAuthority(directory, 'intermediate', { issuer: root });
    const alternativeNames = 'DNS:b';
    const [ofA, ofB] = [root.issue('a'), intermediate.issue('b', { alternativeNames })];
    const files = ({ key, cert }: Pick<TestCertificate, 'key' | 'cert'>): BridgeTls => ({
      ...{ key, cert, ca: root.ca, revocations: root.revocationsWith(intermediate) },
    });
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: files(ofA) });
    const b = await startBridge(sites, 'b', {
      tls: files({ key: ofB.key, cert: `${ofB.cert}${intermediate.ca}` }),
    });
    await Promise.all([a.recorder.untilState('b', 'up'), b.recorder.untilState('a', 'up')]);
    const links = a.recorder.links.length;
    // A list that revokes another certificate closes nothing.
    a.bridge.updateTls(files(ofA));
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array(10)) }]);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    expect(a.recorder.links).toHaveLength(links);
    root.revoke({ certFile: intermediate.caFile, cert: intermediate.ca });
    a.bridge.updateTls(files(ofA));
    await Promise.all([a.recorder.untilState('b', 'down'), b.recorder.untilState('a', 'down')]);
    const warned = (pattern: RegExp): Promise<void> =>
      a.recorder.until(() => a.recorder.warnings.some((each) => pattern.test(each)));
    await warned(/connection to a peer closed: its certificate is revoked/);
    await warned(/certificate rejected: it is revoked.*CERT_REVOKED/);
  });

  test('reject a client without a certificate before it receives a byte', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    const { host, port } = sites[0]!;
    const socket = connect({ host, port, ca: tls['a']!.ca, checkServerIdentity: () => undefined });
    const received: Buffer[] = [];
    socket.on('data', (data: Buffer) => received.push(data));
    socket.on('error', () => undefined);
    // A CONNECT packet of MQTT 3.1.1 with the client identifier `b`.
    socket.write(Buffer.from([0x10, 13, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 60, 0, 1, 0x62]));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(Buffer.concat(received)).toHaveLength(0);
    await a.recorder.until(() =>
      a.recorder.warnings.some((warning) => warning.includes('certificate rejected')),
    );
  });

  test('silent sockets that begin no TLS handshake keep no peer away', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { tls: tls['a']! });
    const { host, port } = sites[0]!;
    const sockets = Array.from({ length: 100 }, () =>
      connectPlain({ host, port }).on('error', () => undefined),
    );
    await a.recorder.until(() => a.recorder.warnings.some((warning) => warning.includes('unauthenticated')));
    const b = await startBridge(sites, 'b', { tls: tls['b']! });
    await Promise.all([a.recorder.untilState('b', 'up'), b.recorder.untilState('a', 'up')]);
    for (const socket of sockets) socket.destroy();
  });
});
