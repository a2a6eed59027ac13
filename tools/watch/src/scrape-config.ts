import { stringify } from 'yaml';

/** One endpoint with `/metrics`, and what Prometheus adds to all it says. */
export interface ScrapeTarget {
  /** `host:port` */
  readonly address: string;
  readonly site: string;
  /** Only of a member. */
  readonly member?: string;
}

export interface PrometheusConfigOptions {
  readonly brokers: readonly ScrapeTarget[];
  readonly clients: readonly ScrapeTarget[];
  /** node_exporter on the hosts. */
  readonly nodes?: readonly ScrapeTarget[];
  /** Whole seconds. Raising it makes gaps and alerts coarser; it costs disk for as long as samples are kept. */
  readonly scrapeIntervalSeconds?: number;
  /** Paths or globs, relative to the configuration file or absolute. */
  readonly ruleFiles: readonly string[];
  /** `host:port` */
  readonly alertmanagers?: readonly string[];
}

/** Failovers take a second: who looks every 5 s sees them in counters and histograms, and a dead host within three looks. */
export const scrapeIntervalSecondsDefault = 5;

/**
 * Prometheus' configuration for a cluster, as YAML. Jobs and labels are what rules and dashboards build on: jobs
 * `mqtt-cluster-broker`, `mqtt-cluster-client` and `node`, labels `site` and `member`.
 */
export function prometheusConfig(options: PrometheusConfigOptions): string {
  const { brokers, clients, nodes = [], ruleFiles, alertmanagers = [] } = options;
  const interval = `${options.scrapeIntervalSeconds ?? scrapeIntervalSecondsDefault}s`;
  const jobs = [
    { name: 'mqtt-cluster-broker', targets: brokers },
    { name: 'mqtt-cluster-client', targets: clients },
    { name: 'node', targets: nodes },
  ];
  return stringify({
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ruleFiles,
    ...(alertmanagers.length === 0
      ? {}
      : { alerting: { alertmanagers: [{ static_configs: [{ targets: alertmanagers }] }] } }),
    scrape_configs: jobs
      .filter(({ targets }) => targets.length > 0)
      .map(({ name, targets }) => ({
        job_name: name,
        // A member says its own id, too: one label, not two.
        honor_labels: true,
        static_configs: targets.map(({ address, ...labels }) => ({ targets: [address], labels })),
      })),
  });
}
