import type { EverySecond, Logger, MemberStatus, StoreUsage } from '@mqtt-cluster/contracts';
import { applianceMetrics } from '@mqtt-cluster/metric-catalogue';
import { createMetrics, recordCertificateExpiry, recordBuildInfo } from '@mqtt-cluster/runtime';
import type { MetricsRegistry } from '@mqtt-cluster/runtime';
import { readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { DiskMeter } from '../health/disk-meter.ts';
import { MemberReporter } from './member-reporter.ts';

/** A component that updates its own metrics before each scrape. */
interface MetricsSource {
  report(): void | Promise<void>;
}

/**
 * The `/metrics` page of an appliance: the appliance's metrics of the catalogue, and prom-client's process
 * metrics.
 */
export class ApplianceMetrics {
  readonly registry: MetricsRegistry;
  readonly reporter: MemberReporter;
  readonly #disk: DiskMeter;

  constructor(config: ApplianceConfig, version: string, logger: Logger, everySecond?: EverySecond) {
    const defaultLabels = { member: config.id };
    this.registry = createMetrics({
      ...{ defaultLabels, declared: applianceMetrics },
      ...(everySecond && { everySecond }),
    });
    this.reporter = new MemberReporter(logger, this.registry);
    this.#disk = new DiskMeter(config.data, this.registry);
    recordBuildInfo(this.registry, version);
    const { cert, ca } = config.tls;
    const files = { cluster: cert, cluster_authority: ca };
    for (const [name, file] of Object.entries(files)) {
      if (file !== '') recordCertificateExpiry(this.registry, { [name]: readPem(file) });
    }
  }

  /** Updates all metrics and returns the page. */
  async render(
    status: MemberStatus,
    usage: StoreUsage,
    sources: readonly (MetricsSource | null)[],
  ): Promise<string> {
    this.reporter.updateGauges(status, usage);
    await Promise.all([...sources.map((source) => source?.report()), this.#disk.measure()]);
    return this.registry.render();
  }
}
