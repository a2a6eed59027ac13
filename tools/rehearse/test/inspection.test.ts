import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { connectCommand, isAccepted, pemParts } from '../src/inspection/certificates.ts';
import { firstChange } from '../src/inspection/host-state.ts';
import { missingOrOpenSilence } from '../src/inspection/silences.ts';
import { lineWithSecret, secretsOf } from '../src/inspection/secrets.ts';
import { assertReissued, assertRenewed } from '../src/steps/certificates.ts';
import { assertPlainSuccess, checksFor, unchecked } from '../src/steps/check-mode.ts';
import { assertSame } from '../src/steps/restore.ts';
import { remainder } from '../src/steps/uninstall.ts';

describe('firstChange', () => {
  const before = [
    { name: 'a', lines: ['x: 1', 'y: 1'] },
    { name: 'b', lines: ['z: 1'] },
  ];

  test('returns null for equal states', () => {
    expect(firstChange(before, structuredClone(before))).toBeNull();
  });

  test.each([
    [['z: 2'], 'b had "z: 1", and now has "z: 2"'],
    [['z: 1', 'w: 1'], 'b had "nothing", and now has "w: 1"'],
    [[], 'b had "z: 1", and now has "nothing"'],
  ])('names the host and the line that changed to %j', (lines, sentence) => {
    expect(firstChange(before, [before[0]!, { name: 'b', lines }])).toBe(sentence);
  });
});

describe('secretsOf', () => {
  test('returns the texts of the vault except names, roles and groups', () => {
    const variables = {
      broker_publisher_rate: 2,
      vault_pin: '12345',
      vault_token: '123456',
      vault_monitoring_password: 'monitoring-password',
      vault_broker_users: [
        { name: 'operator', password: 'user-password', role: 'operator', groups: ['telemetry'] },
      ],
    };
    expect(secretsOf(variables)).toEqual(['123456', 'monitoring-password', 'user-password']);
  });
});

describe('lineWithSecret', () => {
  test('returns the first line with a secret', () => {
    expect(lineWithSecret('ok\n+ auth_pass vrrp7391\n', ['vrrp7391'])).toBe('+ auth_pass vrrp7391');
    expect(lineWithSecret('ok\n', ['vrrp7391'])).toBeNull();
  });
});

describe('assertPlainSuccess', () => {
  test('rejects an exit status other than 0 and an output with a secret', () => {
    expect(() => assertPlainSuccess(0, 'ok', ['secret-text'])).not.toThrow();
    expect(() => assertPlainSuccess(2, 'ERROR! no inventory', [])).toThrow('ERROR! no inventory');
    expect(() => assertPlainSuccess(0, '+token=secret-text', ['secret-text'])).toThrow(
      'a secret of the vault in the line "+token=secret-text"',
    );
  });
});

describe('checksFor', () => {
  test('has every playbook, or a reason why it is not run', () => {
    const playbooks = fileURLToPath(new URL('../../../ansible/playbooks', import.meta.url));
    const names = readdirSync(playbooks).map((file) => file.replace(/\.yml$/, ''));
    const checked = checksFor({ first: '1', second: '2' }, '/backups/b', '10.0.0.55').map(([name]) => name);
    expect([...checked, ...Object.keys(unchecked)].sort()).toEqual(names.sort());
  });
});

describe('pemParts', () => {
  test('returns the parts with the label', () => {
    const part = (label: string): string => `-----BEGIN ${label}-----\nMII\n-----END ${label}-----`;
    const text = [part('CERTIFICATE'), part('CERTIFICATE'), part('X509 CRL')].join('\n');
    expect(pemParts(text, 'CERTIFICATE')).toHaveLength(2);
    expect(pemParts(text, 'X509 CRL')).toEqual([part('X509 CRL')]);
  });
});

describe('isAccepted', () => {
  /** The output of `openssl s_client` that real members have caused, with the bytes of their answer. */
  const outputOf = (...bytes: number[]): string =>
    `CONNECTED(00000003)\n---\nServer certificate\n---\nread R BLOCK\n${Buffer.from(bytes).toString()}closed\n`;

  test('is true if the member refuses the client, which is no member, with CONNACK', () => {
    expect(isAccepted({ status: 1, output: outputOf(0x20, 2, 0, 2) })).toBe(true);
    expect(isAccepted({ status: 1, output: outputOf(0x20, 2, 0, 5) })).toBe(true);
  });

  test('is false if the member answers that the certificate is revoked, or closes the connection', () => {
    expect(isAccepted({ status: 1, output: outputOf(0x20, 2, 0, 0x8a) })).toBe(false);
    expect(isAccepted({ status: 104, output: outputOf() })).toBe(false);
  });

  test('throws if there was no handshake, or the member neither answered nor closed the connection', () => {
    expect(() => isAccepted({ status: 1, output: 'Connection refused\n' })).toThrow(/no TLS handshake/);
    expect(() => isAccepted({ status: 124, output: outputOf() })).toThrow(/no answer to CONNECT.* in 15 s/);
  });

  test('the bytes that are sent are a CONNECT', () => {
    const [, escapes = ''] = /^printf '(.*)' \|/.exec(connectCommand('/f', '10.0.0.55', 7883)) ?? [];
    const text = escapes.replaceAll(/\\(\d{3})/g, (_all, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const packet = Buffer.from(text, 'latin1');
    expect([packet[0], packet[1]]).toEqual([0x10, packet.length - 2]);
    expect(packet.readUInt16BE(12)).toBe(packet.length - 14);
  });
});

describe('assertRenewed', () => {
  const certificate = { path: 'member.pem', serial: '1', issuer: 'CN=a', publicKey: 'k' };
  const at = (changes: object): Map<string, typeof certificate> =>
    new Map([['h', { ...certificate, ...changes }]]);

  test('accepts a certificate with another serial number and another key', () => {
    expect(() => assertRenewed(at({}), at({ serial: '2', publicKey: 'l' }))).not.toThrow();
  });

  test.each([
    [at({}), 'h was not renewed'],
    [at({ serial: '2' }), 'h was renewed with its former key'],
    [new Map(), 'h is missing'],
  ])('rejects %j', (after, sentence) => {
    expect(() => assertRenewed(at({}), after)).toThrow(sentence);
  });
});

describe('assertSame', () => {
  test('names the expected and the found things', () => {
    expect(() => assertSame('sessions', ['a'], ['a'])).not.toThrow();
    expect(() => assertSame('sessions', ['a', 'b'], ['a'])).toThrow(
      'sessions: expected ["a"] of the backup, found ["a","b"]',
    );
  });
});

describe('remainder', () => {
  test('returns the first thing that may not stay', () => {
    const text = 'file /var/backups/mqtt-cluster\nuser mqtt-cluster\n';
    expect(remainder(text, ['file /var/backups/mqtt-cluster'])).toBe('user mqtt-cluster');
    expect(remainder(text, ['file /var/backups/mqtt-cluster', 'user mqtt-cluster'])).toBeNull();
    expect(remainder('\n', [])).toBeNull();
  });
});

describe('assertReissued', () => {
  const certificate = { path: 'member.pem', serial: '1', issuer: 'CN=a', publicKey: 'k' };
  const before = new Map([['h', certificate]]);

  test('accepts a certificate of another authority only', () => {
    expect(() => assertReissued(before, new Map([['h', { ...certificate, issuer: 'CN=b' }]]))).not.toThrow();
    expect(() => assertReissued(before, before)).toThrow('h is still signed by the former authority, CN=a');
  });
});

describe('missingOrOpenSilence', () => {
  const silence = (name: string, value: string, state = 'expired'): unknown => ({
    status: { state },
    comment: 'one is stopped by a playbook',
    matchers: [{ name, value }],
  });
  const all = [
    silence('member', '10\\.0\\.0\\.5'),
    silence('instance', '10\\.0\\.0\\.5:[0-9]+'),
    silence('instance', '10\\.0\\.0\\.6:[0-9]+'),
  ];
  const stopped = { brokers: ['10.0.0.5'], clients: ['10.0.0.6'] };

  test('returns null if each stopped host has its silences, and all have ended', () => {
    expect(missingOrOpenSilence(JSON.stringify(all), stopped)).toBeNull();
  });

  test.each([
    [all.slice(1), 'no silence has the matcher member=10.0.0.5'],
    [all.slice(0, 2), 'no silence has the matcher instance=10.0.0.6:9100'],
    [[...all, silence('site', 'one', 'active')], 'the silence "one is stopped by a playbook" has not ended'],
  ])('names what is wrong with %j', (silences, sentence) => {
    expect(missingOrOpenSilence(JSON.stringify(silences), stopped)).toBe(sentence);
  });
});
