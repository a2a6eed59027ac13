import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import { configSchema } from '../../src/config.ts';
import { checkStartFiles } from '../../src/node/check-config.ts';
import { RevokedMember } from '../../src/node/revoked-member.ts';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['a', 'b'];

requiring('openssl')('a member whose certificate is revoked', () => {
  let directory: string;
  let authority: TestAuthority;
  let cluster: TestCluster;
  const certificates: Record<string, TestCertificate> = {};
  const fatal: unknown[] = [];

  const listOf = (id: string): string => join(directory, `${id}.crl`);
  const settings = (id: string): Record<string, unknown> => {
    const { keyFile, certFile } = certificates[id]!;
    return { tls: { key: keyFile, cert: certFile, ca: authority.caFile, crl: listOf(id) } };
  };
  const healthOf = async (id: string): Promise<{ healthy: boolean; reason: string }> =>
    (await (await cluster.get(id, '/cluster/health')).json()) as { healthy: boolean; reason: string };
  const metric = async (name: string, labels: string): Promise<number> =>
    (await cluster.metrics('a')).value(name, labels);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'revoked-member-'));
    authority = new TestAuthority(directory);
    cluster = await TestCluster.create(ids);
    for (const id of ids) {
      certificates[id] = authority.issue(id, { alternativeNames: `DNS:${id}` });
      copyFileSync(authority.crlFile, listOf(id));
    }
    await Promise.all(ids.map((id) => cluster.start(id, settings(id), (error) => fatal.push(error))));
    await cluster.serving(...ids);
  });

  afterAll(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  test('a damaged list changes nothing: it is reported, and the members stay connected', async () => {
    await until(async () => (await healthOf('a')).healthy);
    writeFileSync(listOf('a'), authority.crl.slice(0, -40));
    await cluster.reload('a');
    expect(await metric('file_refused', 'setting="tls"')).toBe(1);
    rmSync(listOf('a'));
    await cluster.reload('a');
    expect(await metric('file_refused', 'setting="tls"')).toBe(1);
    expect((await healthOf('a')).healthy).toBe(true);
    copyFileSync(authority.crlFile, listOf('a'));
    await cluster.reload('a');
    expect(await metric('file_refused', 'setting="tls"')).toBe(0);
    expect(await metric('revocation_list_expiry_timestamp_seconds', 'list="cluster"')).toBeGreaterThan(0);
  });

  test('is cut off by its peer without a restart of the peer, and ends with one line that names the cause', async () => {
    authority.revoke(certificates['b']!);
    copyFileSync(authority.crlFile, listOf('a'));
    await until(() => fatal.length > 0);
    expect(fatal[0]).toBeInstanceOf(ConfigError);
    expect((fatal[0] as Error).message).toContain(
      'tls.cert: the certificate of b is revoked: its peers a refuse it',
    );
    expect((await cluster.status('a')).links).toEqual({ b: 'down' });
  });

  test.each<[string, () => string, RegExp]>([
    ['a missing list', () => join(directory, 'none.crl'), /^tls: the file .*none\.crl cannot be read$/],
    [
      'a text that is no list',
      () => authority.caFile,
      /^tls: .*ca\.crt contains no certificate revocation list/,
    ],
    [
      'a list that revokes the own certificate',
      () => authority.crlFile,
      /^tls: .*b\.crt: the certificate of CN=b is revoked by .*ca\.crl$/,
    ],
  ])('%s stops the start, and the error names the file', (_name, crl, words) => {
    const { keyFile, certFile } = certificates['b']!;
    const tls = { key: keyFile, cert: certFile, ca: authority.caFile, crl: crl() };
    const config = configSchema.parse({ id: 'b', peers: ['b=127.0.0.1:1'], mqtt: { anonymous: true }, tls });
    expect(() => checkStartFiles(config)).toThrow(words);
  });
});

describe('RevokedMember', () => {
  const start = (...peers: string[]): { member: RevokedMember; fatal: unknown[] } => {
    const errors: unknown[] = [];
    return { member: new RevokedMember({ self: 'x', peers, onFatal: (e) => errors.push(e) }), fatal: errors };
  };

  test('ends the member only when most of its peers refuse its certificate', () => {
    const { member, fatal } = start('a', 'b', 'c', 'd');
    for (const peer of ['a', 'a', 'b']) member.onRevoked(peer);
    expect(fatal).toEqual([]);
    member.onRevoked('c');
    expect(fatal).toHaveLength(1);
  });

  test('does not count a peer that accepts the member again', () => {
    const { member, fatal } = start('a', 'b');
    member.onRevoked('a');
    member.onLink('a', 'down');
    member.onLink('a', 'up');
    member.onRevoked('b');
    expect(fatal).toEqual([]);
  });
});

test('a list without an authority is refused', () => {
  const parsed = configSchema.safeParse({ id: 'a', peers: ['a=127.0.0.1:1'], tls: { crl: 'x' } });
  expect(parsed.error?.issues.map(({ message }) => message)).toEqual([
    'must not set crl without key, cert and ca: there is no certificate to check',
  ]);
});
