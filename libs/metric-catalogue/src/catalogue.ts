import { administrationMetrics } from './administration.ts';
import { authenticationMetrics } from './authentication.ts';
import { bridgeMetrics } from './bridge.ts';
import { brokerMetrics } from './broker.ts';
import { clientMetrics } from './client.ts';
import type { CatalogueMetric } from './define.ts';
import { linkMetrics } from './links.ts';
import { memoryMetrics } from './memory.ts';
import { memberMetrics, raftMetrics } from './member.ts';
import { processMetrics, revocationListMetrics, watchdogMetrics } from './process.ts';
import { publisherMetrics } from './publisher.ts';
import { storeMetrics } from './store.ts';

export type { CatalogueMetric, LabelValues, MetricUnit } from './define.ts';
export { administrationMetrics } from './administration.ts';
export { authenticationMetrics } from './authentication.ts';
export { bridgeMetrics } from './bridge.ts';
export {
  brokerMetrics,
  clientBuffers,
  clientLimits,
  disconnectReasons,
  connectionRefusalReasons,
} from './broker.ts';
export type { ClientLimit, ConnectionRefusalReason, DisconnectReason } from './broker.ts';
export { clientMetrics } from './client.ts';
export { linkDropReasons, linkMetrics } from './links.ts';
export type { LinkDropReason } from './links.ts';
export { dropReasons, memberMetrics, raftMetrics, stopBlockers } from './member.ts';
export { memoryMetrics } from './memory.ts';
export { processMetrics, revocationListMetrics, watchdogMetrics } from './process.ts';
export { publisherMetrics } from './publisher.ts';
export { storeMetrics } from './store.ts';

/** A titled group of metrics in docs/METRICS.md. */
export interface MetricSection {
  readonly title: string;
  readonly metrics: Readonly<Record<string, CatalogueMetric>>;
}

/** All metrics on the `/metrics` page of a member, except those of prom-client. Each has the label `member`. */
export const applianceMetricSections: readonly MetricSection[] = [
  { title: 'Clients of a member', metrics: brokerMetrics },
  { title: 'Logins of clients', metrics: authenticationMetrics },
  { title: 'Administration', metrics: administrationMetrics },
  { title: 'Member and replicated state', metrics: memberMetrics },
  { title: 'Log', metrics: raftMetrics },
  { title: 'Links between members', metrics: bridgeMetrics },
  { title: 'Links to other brokers', metrics: linkMetrics },
  { title: 'Store', metrics: storeMetrics },
  { title: 'Publisher', metrics: publisherMetrics },
  { title: 'Memory', metrics: memoryMetrics },
  { title: 'Process', metrics: processMetrics },
  { title: 'Certificate revocation lists', metrics: revocationListMetrics },
  { title: 'Watchdog', metrics: watchdogMetrics },
];

/** All metrics on the `/metrics` page of the subscribing application, except those of prom-client. */
export const clientMetricSections: readonly MetricSection[] = [
  { title: 'Subscribing application', metrics: clientMetrics },
  { title: 'Process', metrics: processMetrics },
];

function metricsOf(sections: readonly MetricSection[]): readonly CatalogueMetric[] {
  return sections.flatMap(({ metrics }) => Object.values(metrics));
}

export const applianceMetrics: readonly CatalogueMetric[] = metricsOf(applianceMetricSections);
export const clientProgramMetrics: readonly CatalogueMetric[] = metricsOf(clientMetricSections);

/** All metrics of the product, each once. */
export const metricCatalogue: readonly CatalogueMetric[] = [
  ...new Set([...applianceMetrics, ...clientProgramMetrics]),
];
