import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { requiring, TestAuthority } from '../src/index.ts';

requiring('openssl')('a test authority', () => {
  let directory: string;
  let authority: TestAuthority;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'authority-'));
    authority = new TestAuthority(directory);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  test('signs certificates for servers and clients', () => {
    const server = authority.issueServer('server', '127.0.0.1', '::1');
    const certificate = new X509Certificate(server.cert);
    expect(certificate.verify(new X509Certificate(authority.ca).publicKey)).toBe(true);
    expect(certificate.checkHost('localhost')).toBe('localhost');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(new X509Certificate(authority.issue('client').cert).subject).toBe('CN=client');
  });

  test('issues certificates that have expired or are not valid yet', () => {
    const expired = new X509Certificate(authority.issueExpired('expired').cert);
    const future = new X509Certificate(authority.issueFuture('future').cert);
    expect(Date.parse(expired.validTo)).toBeLessThan(Date.now());
    expect(Date.parse(future.validFrom)).toBeGreaterThan(Date.now());
  });

  test('writes a new revocation list for each revoked certificate', () => {
    const before = authority.crl;
    authority.revoke(authority.issue('revoked'));
    expect(authority.crl).not.toBe(before);
    createSecureContext({ crl: authority.crl });
  });
});
