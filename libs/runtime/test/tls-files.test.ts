import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
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

  test('contain the revoked certificates, and no other one', () => {
    const [kept, revoked] = [authority.issue('kept'), authority.issue('revoked')];
    const sameSerial = new TestAuthority(directory, 'third');
    const twins = [sameSerial.issue('twin-1'), sameSerial.issue('twin-2')];
    authority.revoke(revoked);
    const { contains, lists } = revocationsOf(pem('crl.pem', `${other.crl}\n${authority.crl}`));
    expect(lists).toHaveLength(2);
    expect(contains(new X509Certificate(revoked.cert))).toBe(true);
    // The twins have the serial numbers of the two certificates, and another authority.
    for (const { cert } of [kept, ...twins]) expect(contains(new X509Certificate(cert))).toBe(false);
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
      `crl.pem: the signature of the revocation list of CN=${kind} is wrong`,
    );
  });

  test('are refused if they revoke the own certificate', () => {
    const { key, cert } = other.issue('own');
    const files = { key: pem('own.key', key), cert: pem('own.pem', cert), ca: pem('ca.pem', other.ca) };
    const withList = (): void => checkTlsFiles({ ...files, crl: pem('crl.pem', other.crl) });
    expect(withList).not.toThrow();
    other.revoke({ key, cert, keyFile: '', certFile: join(directory, 'second/own.crt') });
    expect(withList).toThrow('own.pem: the certificate of CN=own is revoked by crl.pem');
  });
});
