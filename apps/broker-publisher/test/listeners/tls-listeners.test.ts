import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { ConfigError } from '@mqtt-cluster/contracts';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import { checkStartFiles } from '../../src/node/check-config.ts';
import { configSchema } from '../../src/config.ts';
import { TestCluster } from '../support/test-cluster.ts';

const run = promisify(execFile);

requiring('openssl', 'mosquitto_pub')('listeners with TLS of a member', () => {
  let directory: string;
  let authority: TestAuthority;
  let user: TestCertificate;
  let cluster: TestCluster | null = null;
  let plainPort = 0;
  let tlsPort = 0;
  let mutualPort = 0;

  const file = (name: string): string => join(directory, name);
  /** Puts a certificate where the listeners read it. */
  const install = ({ keyFile, certFile }: TestCertificate): void => {
    copyFileSync(keyFile, file('server.key'));
    copyFileSync(certFile, file('server.crt'));
  };
  const tls = (change: object = {}): object => ({
    key: file('server.key'),
    cert: file('server.crt'),
    ...change,
  });
  const mutual = (): object =>
    tls({ ca: authority.caFile, crl: authority.crlFile, clientCertificate: 'required' });

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tls-listeners-'));
    authority = new TestAuthority(directory);
    user = authority.issue('user');
    install(authority.issueServer('first', host));
    const ports = await freePorts(3);
    [plainPort, tlsPort, mutualPort] = ports as [number, number, number];
    const listener = { host, anonymous: true };
    cluster = await TestCluster.start(['a'], {
      mqtt: {
        listeners: [
          { ...listener, name: 'plain', port: plainPort },
          { ...listener, name: 'tls', kind: 'tls', port: tlsPort, tls: tls() },
          { ...listener, name: 'mutual', kind: 'tls', port: mutualPort, tls: mutual() },
        ],
      },
    });
  });

  afterAll(async () => {
    await cluster?.close();
    rmSync(directory, { recursive: true });
  });

  const publish = (port: number, ...options: readonly string[]) =>
    run('mosquitto_pub', [
      ...['-h', host, '-p', String(port), '-t', 't', '-m', 'x', '-q', '1', '-i', 'publisher'],
      ...['--cafile', authority.caFile, ...options],
    ]);
  const withCertificate = ({ keyFile, certFile }: TestCertificate): string[] => [
    ...['--cert', certFile],
    ...['--key', keyFile],
  ];

  /** Runs `openssl s_client` and returns its report. */
  const inspect = async (port: number, ...options: readonly string[]): Promise<string> => {
    const address = `${host}:${port}`;
    const child = spawn('openssl', [
      's_client',
      '-connect',
      address,
      '-CAfile',
      authority.caFile,
      ...options,
    ]);
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stdin.end();
    await once(child, 'close');
    return Buffer.concat(chunks).toString();
  };

  /** Returns the common name of the certificate that a new connection to the listener receives. */
  const servedName = async (): Promise<string> => {
    const socket = connectTls({ host, port: tlsPort, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const name = String(socket.getPeerCertificate().subject.CN);
    socket.destroy();
    return name;
  };

  test.each(['-tls1_2', '-tls1_3'])('openssl verifies the chain with %s', async (version) => {
    expect(await inspect(tlsPort, version)).toContain('Verify return code: 0 (ok)');
  });

  test('openssl can connect neither with TLS 1.0 nor with TLS 1.1', async () => {
    for (const version of ['-tls1', '-tls1_1'])
      expect(await inspect(tlsPort, version, '-cipher', 'ALL:@SECLEVEL=0')).toContain('Cipher is (NONE)');
  });

  test('mosquitto_sub over TLS receives what mosquitto_pub publishes over TLS with a client certificate', async () => {
    const subscriber = spawn('mosquitto_sub', [
      ...[
        '-h',
        host,
        '-p',
        String(tlsPort),
        '-t',
        't',
        '-C',
        '1',
        '-i',
        'subscriber',
        '--cafile',
        authority.caFile,
      ],
    ]);
    const output: Buffer[] = [];
    subscriber.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    const ended = once(subscriber, 'close');
    await until(async () => (await cluster!.status('a')).connections === 1);
    await until(async () => {
      await publish(mutualPort, ...withCertificate(user));
      return subscriber.exitCode !== null;
    });
    await ended;
    expect(Buffer.concat(output).toString()).toBe('x\n');
  });

  test('mosquitto_pub is refused without a certificate, and with an expired, a foreign or a revoked one', async () => {
    const foreign = new TestAuthority(directory, 'foreign').issue('user');
    const revoked = authority.issue('revoked');
    await publish(mutualPort, ...withCertificate(revoked));
    await expect(publish(mutualPort)).rejects.toThrow();
    await expect(publish(mutualPort, ...withCertificate(authority.issueExpired('late')))).rejects.toThrow();
    await expect(publish(mutualPort, ...withCertificate(foreign))).rejects.toThrow();
    authority.revoke(revoked);
    await until(() =>
      publish(mutualPort, ...withCertificate(revoked)).then(
        () => false,
        () => true,
      ),
    );
    await publish(mutualPort, ...withCertificate(user));
  });

  test('a renewed certificate is used without closing a client, and an unusable one is not used', async () => {
    const open = await mqtt.connectAsync(`mqtts://${host}:${tlsPort}`, {
      ca: authority.ca,
      reconnectPeriod: 0,
    });
    const closed: string[] = [];
    open.on('close', () => closed.push('closed'));
    const name = await servedName();
    const second = authority.issueServer('second', host);
    // The new certificate does not match the old key yet.
    copyFileSync(second.certFile, file('server.crt'));
    const refused = async (): Promise<number> =>
      (await cluster!.metrics('a')).value('file_refused', 'setting="mqtt.listeners.1.tls"');
    await until(async () => (await refused()) === 1);
    expect(await servedName()).toBe(name);
    copyFileSync(second.keyFile, file('server.key'));
    await until(async () => (await servedName()) === 'second');
    for (const broken of ['no certificate', authority.issueExpired('expired').cert]) {
      writeFileSync(file('server.crt'), broken);
      await cluster!.reload('a');
      expect(await servedName()).toBe('second');
    }
    install(authority.issueServer('third', host));
    await cluster!.reload('a');
    expect(await servedName()).toBe('third');
    await open.publishAsync('t', 'x', { qos: 1 });
    expect(closed).toEqual([]);
    await open.endAsync();
  });

  test('the metrics page shows when the certificates and revocation lists of each listener expire', async () => {
    const metrics = await cluster!.metrics('a');
    for (const certificate of ['tls', 'mutual', 'mutual_authority'])
      expect(
        metrics.value('certificate_expiry_timestamp_seconds', `certificate="listener_${certificate}"`),
      ).toBeGreaterThan(Date.now() / 1_000);
    expect(
      metrics.value('revocation_list_expiry_timestamp_seconds', 'list="listener_mutual"'),
    ).toBeGreaterThan(Date.now() / 1_000);
  });

  test.each<[string, () => object, RegExp]>([
    ['a missing file', () => tls({ key: file('missing.key') }), /mqtt\.listeners\.0\.tls|missing\.key/],
    [
      'a key of another certificate',
      () => tls({ key: user.keyFile }),
      /user\.key is not the private key of the certificate in .*server\.crt/,
    ],
    ['a text that is no key', () => tls({ key: authority.caFile }), /ca\.crt is not a private key/],
    [
      'a text that is no certificate',
      () => tls({ cert: file('server.key') }),
      /server\.key contains no certificate/,
    ],
    [
      'an expired certificate',
      () => {
        const { keyFile, certFile } = authority.issueExpired('old');
        return tls({ key: keyFile, cert: certFile });
      },
      /old\.crt: the certificate of CN=old expired on/,
    ],
    [
      'a bundle of authorities that was cut off in its second certificate',
      () => {
        const bundle = `${authority.ca}${new TestAuthority(directory, 'second').ca}`;
        writeFileSync(file('cut.pem'), bundle.slice(0, -100));
        return tls({ ca: file('cut.pem'), clientCertificate: 'required' });
      },
      /cut\.pem contains a block "-----BEGIN CERTIFICATE-----" without its end: the file is incomplete/,
    ],
    [
      'a file of revocation lists that was cut off in its second list',
      () => {
        writeFileSync(file('cut.crl'), `${authority.crl}${authority.crl}`.slice(0, -100));
        return tls({ ca: authority.caFile, crl: file('cut.crl'), clientCertificate: 'required' });
      },
      /cut\.crl contains a block "-----BEGIN X509 CRL-----" without its end: the file is incomplete/,
    ],
    [
      'a certificate that is permitted for clients only',
      () => {
        const { keyFile, certFile } = authority.issue('client-only', { extendedKeyUsage: 'clientAuth' });
        return tls({ key: keyFile, cert: certFile });
      },
      /client-only\.crt: the certificate of CN=client-only is not permitted for TLS servers/,
    ],
    [
      'a text that is no revocation list',
      () => tls({ ca: authority.caFile, crl: authority.caFile, clientCertificate: 'required' }),
      /ca\.crt contains no certificate revocation list/,
    ],
  ])('%s stops the start, and the error names the file', (_name, files, words) => {
    const listeners = [{ name: 'tls', kind: 'tls', port: 1, anonymous: true, tls: files() }];
    const config = configSchema.parse({ id: 'a', peers: [`a=${host}:1`], lab: true, mqtt: { listeners } });
    let fault: unknown;
    try {
      checkStartFiles(config);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(ConfigError);
    expect((fault as Error).message).toMatch(words);
  });
});
