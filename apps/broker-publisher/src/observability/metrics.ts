import type { Logger, MemberStatus, StoreUsage } from '@mqtt-cluster/contracts';
import { applianceMetrics } from '@mqtt-cluster/metric-catalogue';
import { createMetrics, recordCertificateExpiry, recordBuildInfo } from '@mqtt-cluster/runtime';
import type { MetricsRegistry } from '@mqtt-cluster/runtime';
import { readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { DiskMeter } from '../health/disk-meter.ts';
import { Reporter } from './member-reporter.ts';

/** Parts that bring their own metrics up to date when they are about to be read. */
export interface Reporting {
  report(): void;
}

/** The `/metrics` page of an appliance: the catalogue's part for it, and what prom-client says of the process. */
export class Measuring {
  readonly metrics: MetricsRegistry;
  readonly reporter: Reporter;
  readonly #disk: DiskMeter;

  constructor(config: ApplianceConfig, version: string, logger: Logger) {
    this.metrics = createMetrics({ defaultLabels: { member: config.id }, declared: applianceMetrics });
    this.reporter = new Reporter(logger, this.metrics);
    this.#disk = new DiskMeter(config.data, this.metrics);
    recordBuildInfo(this.metrics, version);
    const { cert, ca } = config.tls;
    const files = { cluster: cert, cluster_authority: ca };
    for (const [name, file] of Object.entries(files)) {
      if (file !== '') recordCertificateExpiry(this.metrics, { [name]: readPem(file) });
    }
  }

  async render(
    status: MemberStatus,
    usage: StoreUsage,
    parts: readonly (Reporting | null)[],
  ): Promise<string> {
    this.reporter.measure(status, usage);
    for (const part of parts) part?.report();
    await this.#disk.measure();
    return this.metrics.render();
  }
}
