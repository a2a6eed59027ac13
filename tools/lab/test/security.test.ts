import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requiring } from '@mqtt-cluster/testing';
import { readArguments } from '../src/arguments.ts';
import { anonymousWarning, applianceEnvironment, clientEnvironment } from '../src/cluster/environment.ts';
import { makeLayout } from '../src/layout.ts';
import type { MemberPlace } from '../src/layout.ts';
import { Authority } from '../src/security/authority.ts';
import { makeSecurity, securityFiles } from '../src/security/lab-security.ts';

const layout = makeLayout(2, true);
const [first] = layout.members as [MemberPlace];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-security-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

requiring('openssl')('a secure lab', () => {
  test('gives each member a certificate for its id and its address, signed by the authority of the lab', () => {
    const { caFile, certificateOf } = makeSecurity(folder, layout.members);
    const authority = new X509Certificate(readFileSync(caFile));
    for (const member of layout.members) {
      const certificate = new X509Certificate(readFileSync(certificateOf(member).cert));
      expect(certificate.verify(authority.publicKey)).toBe(true);
      expect(certificate.checkIP(member.host)).toBe(member.host);
      expect(certificate.checkHost(member.id)).toBe(member.id);
    }
  });

  test('hides its keys and passwords from other users of the machine, and the password file contains no password', () => {
    const { load, passwordFile, clientTokenFile } = makeSecurity(folder, layout.members);
    expect(readFileSync(passwordFile, 'utf8')).toMatch(/^load:\$7\$101\$\S+\nclient:\$7\$101\$\S+\n$/);
    expect(readFileSync(passwordFile, 'utf8')).not.toContain(load.password);
    expect(readFileSync(securityFiles(folder).passwordFile, 'utf8')).toBe(`${load.password}\n`);
    expect(statSync(join(folder, 'security')).mode & 0o077).toBe(0);
    for (const file of [passwordFile, clientTokenFile]) expect(statSync(file).mode & 0o077).toBe(0);
  });

  test('starts its members with mutual TLS and one listener with TLS, users and rules, and its client with a user', () => {
    const security = makeSecurity(folder, layout.members);
    const settings = {
      site: 'a',
      dataFolder: 'd',
      faultsFile: 'f',
      logLevel: 'info',
      publisherRate: 1,
      overrides: [],
    };
    const environment = applianceEnvironment(layout, first, { ...settings, security });
    const { key, cert } = security.certificateOf(first);
    expect(environment).toMatchObject({
      MQTT_CLUSTER_TLS_KEY: key,
      MQTT_CLUSTER_TLS_CERT: cert,
      MQTT_CLUSTER_TLS_CA: security.caFile,
      MQTT_CLUSTER_MQTT_PASSWORD_FILE: security.passwordFile,
      MQTT_CLUSTER_MQTT_ACL_FILE: security.aclFile,
      MQTT_CLUSTER_URLS: 'm1=mqtts://127.0.0.55:1883,m2=mqtts://127.0.0.56:1883',
    });
    expect(JSON.parse(environment['MQTT_CLUSTER_MQTT_LISTENERS'] ?? '')).toMatchObject([
      { kind: 'tls', host: first.host, port: first.mqttPort, authentication: ['passwordFile'] },
    ]);
    expect(Object.keys(environment)).not.toContain('MQTT_CLUSTER_LAB');
    expect(Object.keys(environment)).not.toContain('MQTT_CLUSTER_MQTT_ANONYMOUS');
    expect(clientEnvironment(layout, 'info', security)).toMatchObject({
      MQTT_CLIENT_SERVERS: environment['MQTT_CLUSTER_URLS'],
      MQTT_CLIENT_USERNAME: 'client',
      MQTT_CLIENT_TLS_CA: security.caFile,
    });
    expect(anonymousWarning({ overrides: [], secure: true })).toBe('');
  });

  test('reports a failure of openssl in one sentence', () => {
    const authority = new Authority(join(folder, 'security'));
    expect(() => authority.issue('m1', 'no address')).toThrow(/^openssl x509 failed: [^\n]+$/);
  });
});

test('a lab without openssl names it as missing', () => {
  // The authority also looks into the usual folders, so the test hides the program by its name.
  expect(() => new Authority(join(folder, 'security'), 'openssl-that-is-not-installed')).toThrow(
    'openssl is not installed; the lab needs it to make certificates',
  );
});

test('the option --secure is for start, up and run, and is off by default', () => {
  expect(readArguments([]).secure).toBe(false);
  expect(readArguments(['up', '--secure']).secure).toBe(true);
  expect(readArguments(['run', '--secure']).secure).toBe(true);
});
