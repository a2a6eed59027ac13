import { X509Certificate } from 'node:crypto';
import { processMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** What runs, and since when. */
export function describeProcess(metrics: Metrics, version: string): void {
  metrics.set(processMetrics.buildInfo, [version, process.version], 1);
  metrics.set(processMetrics.startTime, [], Math.round(performance.timeOrigin) / 1_000);
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * When each of these files (by what it is for, PEM) ends: with several certificates in one, the first that does.
 * What is no certificate is left out: who uses it says what is wrong with it.
 */
export function describeCertificates(metrics: Metrics, files: Readonly<Record<string, string>>): void {
  for (const [certificate, pem] of Object.entries(files)) {
    const ends = (pem.match(certificatePattern) ?? []).flatMap((text) => expiryOf(text) ?? []);
    if (ends.length > 0) metrics.set(processMetrics.certificateExpiry, [certificate], Math.min(...ends));
  }
}

/** Seconds since 1970. */
function expiryOf(pem: string): number | null {
  try {
    const seconds = Date.parse(new X509Certificate(pem).validTo) / 1_000;
    return Number.isFinite(seconds) ? seconds : null;
  } catch {
    return null;
  }
}
