import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import type { CertificateChain } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import { checkTlsFiles, revocationsOf } from '../src/index.ts';
import type { PemFile } from '../src/index.ts';

requiring('openssl')('revocation lists', () => {
  let directory: string;
  let authority: TestAuthority;
  let other: TestAuthority;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tls-files-'));
    authority = new TestAuthority(directory, 'first');
    other = new TestAuthority(directory, 'second');
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const pem = (path: string, text: string): PemFile => ({ path, text });
  const check = (crl: string, ca = authority.ca): void =>
    checkTlsFiles({ ca: pem('ca.pem', ca), crl: pem('crl.pem', crl) });

  /** Connects with a certificate. Returns why OpenSSL refuses it, if so, and the chain of the connection. */
  async function handshake(
    { key, cert }: Pick<TestCertificate, 'key' | 'cert'>,
    { ca, crl }: { readonly ca: string; readonly crl: string },
  ): Promise<{ fault: string | null; chain: CertificateChain }> {
    const own = authority.issueServer();
    const revocations = revocationsOf(pem('crl.pem', crl));
    const server = createServer({
      ...{ key: own.key, cert: own.cert, ca, crl: [...revocations.lists] },
      ...{ requestCert: true, rejectUnauthorized: false },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: '127.0.0.1', key, cert, rejectUnauthorized: false });
    client.on('error', () => undefined);
    const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
    socket.on('error', () => undefined);
    const fault = socket.authorized ? null : String(socket.authorizationError);
    // The second call must find the same chain.
    revocations.chainOf(socket);
    const chain = revocations.chainOf(socket);
    client.destroy();
    socket.destroy();
    server.close();
    return { fault, chain };
  }

  test('contain the revoked certificates, and no other one', async () => {
    const [kept, revoked] = [authority.issue('kept'), authority.issue('revoked')];
    const sameSerial = new TestAuthority(directory, 'third');
    const twins = [sameSerial.issue('twin-1'), sameSerial.issue('twin-2')];
    const files = { ca: `${authority.ca}${sameSerial.ca}`, crl: `${sameSerial.crl}${authority.crl}` };
    const open = await handshake(revoked, files);
    expect(open).toMatchObject({ fault: null, chain: { isCertain: true } });
    expect(open.chain.certificates).toHaveLength(2);
    authority.revoke(revoked);
    const crl = `${sameSerial.crl}\n${authority.crl}`;
    const revocations = revocationsOf(pem('crl.pem', crl));
    expect(revocations.lists).toHaveLength(2);
    expect(revocations.endsOpen(open.chain)).toBe(true);
    expect((await handshake(revoked, { ...files, crl })).fault).toBe('CERT_REVOKED');
    // The twins have the serial numbers of the two certificates, and another authority.
    for (const each of [kept, ...twins]) {
      const { fault, chain } = await handshake(each, { ...files, crl });
      expect(fault).toBeNull();
      expect(revocations.endsOpen(chain)).toBe(false);
    }
  });

  test('of two authorities of one name need an Authority Key Identifier, and count for the right certificates', async () => {
    const [former, next] = ['former', 'next'].map(
      (name) => new TestAuthority(directory, name, { commonName: 'cluster' }),
    ) as [TestAuthority, TestAuthority];
    const ca = `${next.ca}${former.ca}`;
    const [revoked, ofFormer] = [former.issue('a'), former.issue('b')];
    const ofNext = [next.issue('a'), next.issue('b')];
    former.revoke(revoked);
    // OpenSSL selects one of the lists by the name, and refuses the certificates of the other authority.
    const ambiguous = { ca, crl: `${former.crl}${next.crl}` };
    const faults = [];
    for (const each of [ofFormer, ...ofNext]) faults.push((await handshake(each, ambiguous)).fault);
    expect(faults).toContain('CRL_SIGNATURE_FAILURE');
    expect(() => check(ambiguous.crl, ca)).toThrow(
      /^crl\.pem: several authorities have the name CN=cluster, and one .*"authorityKeyIdentifier=keyid" in the section/,
    );
    for (const each of [former, next])
      each.writeRevocationList({ extensions: 'authorityKeyIdentifier=keyid' });
    for (const crl of [`${former.crl}${next.crl}`, `${next.crl}${former.crl}`]) {
      expect(() => check(crl, ca)).not.toThrow();
      const revocations = revocationsOf(pem('crl.pem', crl));
      const refused = await handshake(revoked, { ca, crl });
      expect(refused.fault).toBe('CERT_REVOKED');
      expect(revocations.contains(refused.chain)).toBe(true);
      // One of them has the serial number of the revoked certificate.
      for (const each of [ofFormer, ...ofNext]) {
        const { fault, chain } = await handshake(each, { ca, crl });
        expect(fault).toBeNull();
        expect(revocations.contains(chain)).toBe(false);
      }
    }
    expect(() => check(former.crl, ca)).toThrow(
      /^crl\.pem: no revocation list of CN=cluster has the signature of this authority \(an authority of ca\.pem\)/,
    );
  });

  test('are refused before they become valid, as OpenSSL refuses all certificates with them', async () => {
    const early = new TestAuthority(directory, 'early');
    const member = early.issue('member');
    const valid = early.crl;
    const at = new Date('2040-01-02T03:04:05Z');
    early.writeRevocationList({ thisUpdate: at, nextUpdate: new Date('2040-02-02T03:04:05Z') });
    const future = early.crl;
    expect(() => check(future, early.ca)).toThrow(
      /^crl\.pem: the revocation list of CN=early is not valid before 2040-01-02T03:04:05\.000Z by the clock of this host: all certificates of this authority would be refused\. Compare the clocks of this host and of the host that issued the list$/,
    );
    const refusalAt = (now: string): string => {
      try {
        checkTlsFiles({ crl: pem('crl.pem', future) }, new Date(now));
        return '';
      } catch (error) {
        return String(error);
      }
    };
    expect(refusalAt('2030-01-01T00:00:00Z')).toMatch('is not valid before');
    // Each retry gives the same text, so it is logged once.
    expect(refusalAt('2030-01-01T00:00:30Z')).toBe(refusalAt('2030-01-01T00:00:00Z'));
    expect((await handshake(member, { ca: early.ca, crl: future })).fault).toBe('CRL_NOT_YET_VALID');
    // OpenSSL uses the list that is valid now.
    const both = `${future}${valid}`;
    expect(() => check(both, early.ca)).not.toThrow();
    expect((await handshake(member, { ca: early.ca, crl: both })).fault).toBeNull();
    const alone = { crl: pem('crl.pem', future) };
    expect(() => checkTlsFiles(alone, new Date(at.getTime() - 1))).toThrow('is not valid before');
    expect(() => checkTlsFiles(alone, at)).not.toThrow();
    const foreign = { crl: pem('crl.pem', `${authority.crl}${future}`), ca: pem('ca.pem', authority.ca) };
    expect(() => checkTlsFiles(foreign)).toThrow(
      /^crl\.pem contains a revocation list of an intermediate authority that is not valid before 2040-01-02/,
    );
  });

  test('are refused when they have expired, unless a newer one of the same authority follows', async () => {
    const late = new TestAuthority(directory, 'late');
    const member = late.issue('member');
    const valid = late.crl;
    const { nextUpdateSeconds } = revocationsOf(pem('crl.pem', valid));
    expect(nextUpdateSeconds).toBeGreaterThan(Date.now() / 1_000);
    late.writeRevocationList({ nextUpdate: new Date('2026-01-02T03:04:05Z') });
    const expired = late.crl;
    expect(() => check(expired, late.ca)).toThrow(
      'crl.pem: the revocation list of CN=late expired on 2026-01-02T03:04:05.000Z: all certificates of this authority would be refused. Issue a new list',
    );
    expect((await handshake(member, { ca: late.ca, crl: expired })).fault).toBe('CRL_HAS_EXPIRED');
    const both = `${expired}${valid}`;
    expect(() => check(both, late.ca)).not.toThrow();
    expect((await handshake(member, { ca: late.ca, crl: both })).fault).toBeNull();
    expect(revocationsOf(pem('crl.pem', both)).nextUpdateSeconds).toBe(nextUpdateSeconds);
  });

  test.each([
    ['2.5.29.28', 'partial', 'issuingDistributionPoint=critical,@idp\n[idp]\nonlyCA=TRUE'],
    ['2.5.29.27', 'delta', '2.5.29.27=critical,ASN1:INTEGER:1'],
  ])('with the critical extension %s are refused (%s)', (extension, name, extensions) => {
    const issuer = new TestAuthority(directory, name);
    issuer.writeRevocationList({ extensions });
    const fault = `the critical extension ${extension}, which is not supported: it must be a complete list of the authority`;
    expect(() => check(issuer.crl, issuer.ca)).toThrow(
      `crl.pem: the revocation list of CN=${name} has ${fault}`,
    );
    // The authority of such a list may be one that only clients present.
    expect(() => check(`${authority.crl}${issuer.crl}`)).toThrow(
      `crl.pem: the revocation list of an intermediate authority has ${fault}`,
    );
  });

  test('of intermediate authorities are needed, and revoke the certificates that these have issued', async () => {
    const root = new TestAuthority(directory, 'root');
    const intermediate = new TestAuthority(directory, 'intermediate', { issuer: root });
    const { key, cert } = intermediate.issue('member');
    const presented = { key, cert: `${cert}${intermediate.ca}` };
    const ca = pem('ca.pem', root.ca);
    const own = { key: pem('own.key', key), cert: pem('own.pem', presented.cert), ca };
    const [partial, whole] = [root.crl, `${root.crl}${intermediate.crl}`].map((text) => pem('crl.pem', text));
    expect((await handshake(presented, { ca: root.ca, crl: partial!.text })).fault).toBe('UNABLE_TO_GET_CRL');
    expect(() => checkTlsFiles({ ...own, crl: partial!, uses: ['client'] })).toThrow(
      'crl.pem contains no revocation list of CN=intermediate, an intermediate authority of own.pem: all its certificates would be refused',
    );
    expect(() => checkTlsFiles({ ...own, crl: whole!, uses: ['client'] })).not.toThrow();
    const open = await handshake(presented, { ca: root.ca, crl: whole!.text });
    expect(open).toMatchObject({ fault: null, chain: { isCertain: true } });
    expect(revocationsOf(whole!).endsOpen(open.chain)).toBe(false);
    root.revoke({ certFile: intermediate.caFile, cert: intermediate.ca });
    const crl = pem('crl.pem', `${root.crl}${intermediate.crl}`);
    expect(revocationsOf(crl).endsOpen(open.chain)).toBe(true);
    expect(() => checkTlsFiles({ ...own, crl, uses: ['client'] })).toThrow(
      'own.pem: the certificate of CN=intermediate is revoked by crl.pem',
    );
    intermediate.writeRevocationList({ nextUpdate: new Date('2026-01-02T03:04:05Z') });
    expect(() => check(`${root.crl}${intermediate.crl}`, root.ca)).toThrow(
      'crl.pem contains a revocation list of an intermediate authority that expired on 2026-01-02T03:04:05.000Z',
    );
  });

  test('end a connection whose chain is not certain: a forged expired issuer precedes the real one', async () => {
    const root = new TestAuthority(directory, 'certain-root');
    const real = new TestAuthority(directory, 'real', { commonName: 'middle', issuer: root });
    const { key, cert } = real.issue('member', { authorityKey: false });
    const forged = new TestAuthority(directory, 'forged', {
      ...{ commonName: 'middle', issuer: root, to: new Date(Date.now() - 60_000) },
    });
    const files = { ca: root.ca, crl: `${root.crl}${real.crl}` };
    const { fault, chain } = await handshake({ key, cert: `${cert}${forged.ca}${real.ca}` }, files);
    expect(fault).toBeNull();
    const revocations = revocationsOf(pem('crl.pem', files.crl));
    expect([revocations.contains(chain), revocations.endsOpen(chain)]).toEqual([false, true]);
  });

  test('end a connection with more than eight certificates, of which only eight are kept', async () => {
    const authorities = [new TestAuthority(directory, 'depth-0')];
    for (let depth = 1; depth < 8; depth++)
      authorities.push(new TestAuthority(directory, `depth-${depth}`, { issuer: authorities.at(-1)! }));
    const files = {
      ca: authorities[0]!.ca,
      crl: authorities.map(({ crl }) => crl).join(''),
    };
    for (const [from, isCertain] of [
      [6, true],
      [7, false],
    ] as const) {
      const { key, cert } = authorities[from]!.issue('deep');
      const presented = authorities.slice(1, from + 1).reverse();
      const text = `${cert}${presented.map(({ ca }) => ca).join('')}`;
      const { fault, chain } = await handshake({ key, cert: text }, files);
      expect([fault, chain.isCertain, chain.certificates.length]).toEqual([null, isCertain, 8]);
      expect(revocationsOf(pem('crl.pem', files.crl)).endsOpen(chain)).toBe(!isCertain);
    }
  });

  test('are accepted if each authority has one', () => {
    expect(() => check(authority.crl)).not.toThrow();
    expect(() => check(`${authority.crl}${other.crl}`, `${authority.ca}${other.ca}`)).not.toThrow();
  });

  test('are refused if an authority has none, because OpenSSL would refuse all its certificates', () => {
    expect(() => check(authority.crl, `${authority.ca}${other.ca}`)).toThrow(
      'crl.pem contains no revocation list of CN=second, an authority of ca.pem: all its certificates would be refused',
    );
  });

  test.each(['ec', 'rsa'])('are refused if the signature is wrong (%s)', (kind) => {
    const file = (name: string): string => join(directory, `${kind}-${name}`);
    const algorithm = kind === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'] : ['rsa:2048'];
    const openssl = (...parameters: string[]): string =>
      execFileSync('openssl', parameters, { cwd: join(directory, 'first'), encoding: 'utf8', stdio: 'pipe' });
    openssl(...['req', '-x509', '-newkey', ...algorithm, '-nodes', '-subj', `/CN=${kind}`, '-days', '2'],
      ...['-keyout', file('key'), '-out', file('ca')]); // prettier-ignore
    const list = openssl(
      ...[
        'ca',
        '-config',
        'ca.cnf',
        '-gencrl',
        '-md',
        'sha384',
        '-keyfile',
        file('key'),
        '-cert',
        file('ca'),
      ],
    );
    const ca = openssl('x509', '-in', file('ca'));
    expect(() => check(list, ca)).not.toThrow();
    const bytes = Buffer.from(list.replace(/-----[^-]+-----/g, ''), 'base64');
    bytes[bytes.length - 5]! ^= 1;
    const damaged = `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
    expect(() => check(damaged, ca)).toThrow(
      `crl.pem: no revocation list of CN=${kind} has the signature of this authority`,
    );
  });

  test('are refused if they revoke the own certificate', () => {
    const { key, cert } = other.issue('own');
    const files = { key: pem('own.key', key), cert: pem('own.pem', cert), ca: pem('ca.pem', other.ca) };
    const withList = (): void => checkTlsFiles({ ...files, crl: pem('crl.pem', other.crl) });
    expect(withList).not.toThrow();
    other.revoke({ cert, certFile: join(directory, 'second/own.crt') });
    expect(withList).toThrow('own.pem: the certificate of CN=own is revoked by crl.pem');
  });
});

requiring('openssl')('a certificate without a subject', () => {
  test('is accepted, and an error names its alternative names', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tls-files-'));
    try {
      const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/'];
      const names = ['-addext', 'subjectAltName=critical,DNS:a.example', '-days', '30'];
      const files = ['-keyout', 'own.key', '-out', 'own.pem'];
      execFileSync('openssl', ['req', '-x509', ...options, ...names, ...files], {
        cwd: directory,
        stdio: 'pipe',
      });
      const [key, cert] = ['own.key', 'own.pem'].map((path) => ({
        path,
        text: readFileSync(join(directory, path), 'utf8'),
      })) as [PemFile, PemFile];
      expect(() => checkTlsFiles({ key, cert })).not.toThrow();
      const later = new Date(Date.now() + 31 * 24 * 3_600_000);
      expect(() => checkTlsFiles({ key, cert }, later)).toThrow(
        'own.pem: the certificate of DNS:a.example expired on',
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
