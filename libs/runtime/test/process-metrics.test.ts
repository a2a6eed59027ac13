import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import {
  createMetrics,
  recordBuildInfo,
  recordCertificateExpiry,
  recordRevocationListExpiry,
  revocationsOf,
} from '../src/index.ts';

/** Self-signed certificates that were created for this test. Their private keys were deleted. */
const tenYears = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUayXMTxrq2XtMMwazfrmmPRUA1VwwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjIxNjM4MzJaFw0zNjExMTkxNjM4MzJa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASzlSBL
7k/4VmdteXGedlr73g/8fKwvCt/FvCt4kN5Gatsocm8jiISi9d0XrOMbARiHZJ7V
I0DsYjHSWNWBjrqLo1MwUTAdBgNVHQ4EFgQU5zDTZZ6GxYZuinGwoWukCLyWPUQw
HwYDVR0jBBgwFoAU5zDTZZ6GxYZuinGwoWukCLyWPUQwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiAnVkbJXZ26Khpbz1BQwUkEAI7SyJ8pJ0+1LJlu
O42V0QIhAP9Yz9bQx6a3/2EbuXgsmiwyib8gpvTJCijTvMM2XRyc
-----END CERTIFICATE-----`;
const tenYearsEnd = 2110725512;
const twentyYears = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUHFibIIu86qyIvKD+6N4Y5PVRi6YwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjIxNjM4MzJaFw00NjExMTcxNjM4MzJa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASaPeu/
X5AV6MPnI9QinlmD4JCFPwQZNUu44QpUnwtujrUiJG27wtbR6nRe7n2Dm8Hhs747
VozXmdy8kdL/hmMho1MwUTAdBgNVHQ4EFgQUSsSprT+izESPmWh+ExrcM+pM+3Aw
HwYDVR0jBBgwFoAUSsSprT+izESPmWh+ExrcM+pM+3AwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiBPXtD62xr0xhJDrdxSASHa2/jggqunn+Npxnuh
84EsBAIhAPaz8d1ANnL6NLartc8vtnE7d4RkifNCxrQmFdhNUtPN
-----END CERTIFICATE-----`;
const twentyYearsEnd = 2426085512;

test('recordCertificateExpiry records the earliest expiry of each file, and skips text that is not a certificate', async () => {
  const metrics = createMetrics({ includeProcessMetrics: false });
  recordCertificateExpiry(metrics, {
    cluster: twentyYears,
    cluster_authority: `${twentyYears}\n${tenYears}\n`,
    nothing: '',
    broken: tenYears.replace(/A/g, 'B'),
  });
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith('mqtt_'));
  expect(lines).toEqual([
    `mqtt_cluster_certificate_expiry_timestamp_seconds{certificate="cluster"} ${twentyYearsEnd}`,
    `mqtt_cluster_certificate_expiry_timestamp_seconds{certificate="cluster_authority"} ${tenYearsEnd}`,
  ]);
});

test('recordBuildInfo records the versions and the time of the start', async () => {
  const metrics = createMetrics({ includeProcessMetrics: false });
  recordBuildInfo(metrics, '1.2.3');
  const text = await metrics.render();
  expect(text).toContain(`mqtt_cluster_build_info{version="1.2.3",node="${process.version}"} 1`);
  const started = Number(/^mqtt_cluster_start_time_seconds (\S+)$/m.exec(text)?.[1]);
  // The start time is in seconds since 1970 and lies in the past.
  expect(started).toBeGreaterThan(1.5e9);
  expect(started).toBeLessThanOrEqual(Date.now() / 1_000 + 1);
});

requiring('openssl')('the expiry of a revocation list', () => {
  test('is recorded as OpenSSL reads it, and a text that is no list is skipped', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'revocations-'));
    try {
      const { crl, crlFile } = new TestAuthority(directory);
      const text = execFileSync('openssl', ['crl', '-in', crlFile, '-noout', '-nextupdate'], {
        encoding: 'utf8',
      });
      const metrics = createMetrics({ includeProcessMetrics: false });
      const broken = crl.replace(/\n[^-]{20}/, '\nAAAA');
      for (const [name, text] of Object.entries({ list: crl, broken }))
        recordRevocationListExpiry(metrics, name, revocationsOf({ path: '', text }));
      const series = 'mqtt_cluster_revocation_list_expiry_timestamp_seconds{list="list"}';
      const page = await metrics.render();
      expect(page).toContain(`${series} ${Date.parse(text.trim().replace('nextUpdate=', '')) / 1_000}\n`);
      expect(page).not.toContain('"broken"');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
