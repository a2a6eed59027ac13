import { stringify } from 'yaml';

/** A scrape target: an endpoint with `/metrics`, and the labels that Prometheus adds to the target's series. */
interface ScrapeTarget {
  /** Address of the endpoint: `host:port`. */
  readonly address: string;
  readonly site: string;
  /** Id of the member; undefined if the target is not a member. */
  readonly member?: string;
  /** Name of the application; undefined if the target is not an application. */
  readonly client?: string;
}

export interface PrometheusConfigOptions {
  readonly brokers: readonly ScrapeTarget[];
  readonly clients: readonly ScrapeTarget[];
  /** The node_exporter of each host. */
  readonly nodes?: readonly ScrapeTarget[];
  /**
   * Scrape interval in whole seconds; 5 by default. A longer interval saves disk space, but makes gaps and alerts coarser.
   */
  readonly scrapeIntervalSeconds?: number;
  /** Paths or globs of the rule files, relative to the configuration file or absolute. */
  readonly ruleFiles: readonly string[];
  /** Addresses of the Alertmanagers: `host:port`. */
  readonly alertmanagers?: readonly string[];
  /** Address of this Prometheus, which scrapes itself: `host:port`. */
  readonly ownAddress?: string;
}

/**
 * Default scrape interval. Counters and histograms also record failovers that are shorter than this interval.
 * Prometheus shows a dead host within three scrapes.
 */
const scrapeIntervalSecondsDefault = 5;

/**
 * Returns the Prometheus configuration for a cluster, as YAML. Rules and dashboards rely on its jobs and labels: jobs
 * `mqtt-cluster-broker`, `mqtt-cluster-client` and `node`, labels `site` and `member`.
 */
export function prometheusConfig(options: PrometheusConfigOptions): string {
  const { brokers, clients, nodes = [], ruleFiles, alertmanagers = [], ownAddress } = options;
  const interval = `${options.scrapeIntervalSeconds ?? scrapeIntervalSecondsDefault}s`;
  const jobs = [
    { name: 'mqtt-cluster-broker', targets: brokers },
    { name: 'mqtt-cluster-client', targets: clients },
    { name: 'node', targets: nodes },
    {
      name: 'prometheus',
      targets:
        ownAddress === undefined
          ? []
          : // The dashboards read the URL of the runbooks from the label external_url.
            [{ address: ownAddress, site: brokers[0]?.site ?? '', external_url: `http://${ownAddress}` }],
    },
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
        // A member exports its own label `member`; Prometheus must not rename it to `exported_member`.
        honor_labels: true,
        static_configs: targets.map(({ address, ...labels }) => ({ targets: [address], labels })),
      })),
  });
}
