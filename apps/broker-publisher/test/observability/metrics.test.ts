import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { Notifier } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { MetricDefinition } from '@mqtt-cluster/metric-catalogue';
import { configSchema } from '../../src/config.ts';
import { countingNotifier } from '../../src/observability/counting-notifier.ts';
import { ApplianceMetrics } from '../../src/observability/metrics.ts';

/** A self-signed certificate, created for this test. Its private key was deleted. */
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
  directory = mkdtempSync(join(tmpdir(), 'metrics-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function createMetrics(tls: object): ApplianceMetrics {
  const config = configSchema.parse({ id: 'a', peers: ['a=127.0.0.1:1'], data: directory, tls });
  return new ApplianceMetrics(config, 'test', silentLogger);
}

test('ApplianceMetrics exports the expiry time of each configured certificate', async () => {
  const file = join(directory, 'certificate.pem');
  writeFileSync(file, certificate);
  const { registry } = createMetrics({ key: file, cert: file, ca: file });
  const text = await registry.render();
  registry.stop();
  const name = 'mqtt_cluster_certificate_expiry_timestamp_seconds';
  expect(text).toContain(`${name}{certificate="cluster",member="a"} ${certificateEnd}\n`);
  expect(text).toContain(`${name}{certificate="cluster_authority",member="a"} ${certificateEnd}\n`);
});

test('ApplianceMetrics rejects an unreadable certificate file with an error that contains its path', () => {
  const file = join(directory, 'missing.pem');
  expect(() => createMetrics({ key: file, cert: file, ca: file })).toThrow(
    `tls: the file ${file} cannot be read`,
  );
});

test('countingNotifier counts the watchdog keep-alives', async () => {
  let keepAlives = 0;
  const notifier: Notifier = {
    async ready() {},
    async status() {},
    async extendStart() {},
    async stopping() {},
    async watchdog() {
      keepAlives++;
    },
    watchdogIntervalMs: 2_500,
  };
  const values: Record<string, number> = {};
  const record = ({ name }: MetricDefinition, value: number): void => {
    values[name] = (values[name] ?? 0) + value;
  };
  const counted = countingNotifier(notifier, {
    ...noMetrics,
    add: (metric, _labels, amount = 1) => record(metric, amount),
    set: (metric, _labels, value) => record(metric, value),
  });
  await counted.watchdog();
  await counted.watchdog();
  expect(keepAlives).toBe(2);
  expect(values).toEqual({
    mqtt_cluster_watchdog_interval_seconds: 2.5,
    mqtt_cluster_watchdog_feeds_total: 2,
  });
});
