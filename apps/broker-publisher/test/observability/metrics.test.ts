import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { Notifier } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { MetricDefinition } from '@mqtt-cluster/metric-catalogue';
import { schema } from '../../src/config.ts';
import { countedNotifier } from '../../src/observability/counted-notifier.ts';
import { Measuring } from '../../src/observability/metrics.ts';

/** Self-signed, made for this test; its key was thrown away. */
const certificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUHFibIIu86qyIvKD+6N4Y5PVRi6YwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjIxNjM4MzJaFw00NjExMTcxNjM4MzJa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASaPeu/
X5AV6MPnI9QinlmD4JCFPwQZNUu44QpUnwtujrUiJG27wtbR6nRe7n2Dm8Hhs747
VozXmdy8kdL/hmMho1MwUTAdBgNVHQ4EFgQUSsSprT+izESPmWh+ExrcM+pM+3Aw
HwYDVR0jBBgwFoAUSsSprT+izESPmWh+ExrcM+pM+3AwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiBPXtD62xr0xhJDrdxSASHa2/jggqunn+Npxnuh
84EsBAIhAPaz8d1ANnL6NLartc8vtnE7d4RkifNCxrQmFdhNUtPN
-----END CERTIFICATE-----`;
const certificateEnd = 2426085512;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'measuring-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function measuring(tls: object): Measuring {
  const config = schema.parse({ id: 'a', peers: ['a=127.0.0.1:1'], data: directory, tls });
  return new Measuring(config, 'test', silentLogger);
}

test('the configured certificates tell when they end', async () => {
  const file = join(directory, 'certificate.pem');
  writeFileSync(file, certificate);
  const { metrics } = measuring({ key: file, cert: file, ca: file });
  const text = await metrics.render();
  metrics.stop();
  const name = 'mqtt_cluster_certificate_expiry_timestamp_seconds';
  expect(text).toContain(`${name}{certificate="cluster",member="a"} ${certificateEnd}\n`);
  expect(text).toContain(`${name}{certificate="cluster_authority",member="a"} ${certificateEnd}\n`);
});

test('a certificate that cannot be read stops the start with its name', () => {
  const file = join(directory, 'missing.pem');
  expect(() => measuring({ key: file, cert: file, ca: file })).toThrow(
    `tls: the file ${file} cannot be read`,
  );
});

test('what the watchdog is told is counted', async () => {
  let told = 0;
  const notifier: Notifier = {
    async ready() {},
    async status() {},
    async extendStart() {},
    async stopping() {},
    async watchdog() {
      told++;
    },
    watchdogIntervalMs: 2_500,
  };
  const seen: Record<string, number> = {};
  const note = ({ name }: MetricDefinition, value: number): void => {
    seen[name] = (seen[name] ?? 0) + value;
  };
  const counted = countedNotifier(notifier, {
    ...noMetrics,
    add: (metric, _labels, amount = 1) => note(metric, amount),
    set: (metric, _labels, value) => note(metric, value),
  });
  await counted.watchdog();
  await counted.watchdog();
  expect(told).toBe(2);
  expect(seen).toEqual({ mqtt_cluster_watchdog_interval_seconds: 2.5, mqtt_cluster_watchdog_feeds_total: 2 });
});
