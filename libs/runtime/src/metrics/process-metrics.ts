import { X509Certificate } from 'node:crypto';
import { processMetrics, revocationListMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Revocations } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Records the version of the program, the version of Node, and the time of the start. */
export function recordBuildInfo(metrics: Metrics, version: string): void {
  metrics.set(processMetrics.buildInfo, [version, process.version], 1);
  metrics.set(processMetrics.startTime, [], Math.round(performance.timeOrigin) / 1_000);
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Records when certificates expire. If a PEM text contains several, the earliest expiry is recorded. Other text is skipped:
 * the component that uses the file reports the error.
 *
 * @param certificates PEM texts by their purpose, which becomes the label
 */
export function recordCertificateExpiry(
  metrics: Metrics,
  certificates: Readonly<Record<string, string>>,
): void {
  for (const [purpose, pem] of Object.entries(certificates)) {
    const expiries = (pem.match(certificatePattern) ?? []).flatMap((text) => expirySeconds(text) ?? []);
    if (expiries.length > 0) metrics.set(processMetrics.certificateExpiry, [purpose], Math.min(...expiries));
  }
}

/** Records when the first revocation list of a setting expires. @param list the setting, which becomes the label */
export function recordRevocationListExpiry(
  metrics: Metrics,
  list: string,
  revocations: Revocations | undefined,
): void {
  const seconds = revocations?.nextUpdateSeconds ?? null;
  if (seconds !== null) metrics.set(revocationListMetrics.expiry, [list], seconds);
}

/** Returns the expiry in seconds since 1970, or null if the text is not a certificate. */
function expirySeconds(pem: string): number | null {
  try {
    const seconds = Date.parse(new X509Certificate(pem).validTo) / 1_000;
    return Number.isFinite(seconds) ? seconds : null;
  } catch {
    return null;
  }
}
