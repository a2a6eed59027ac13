import { clientsAndPublishers } from './dashboards/clients.ts';
import { delivery } from './dashboards/delivery.ts';
import { failover } from './dashboards/failover.ts';
import { member } from './dashboards/member.ts';
import { overview } from './dashboards/overview.ts';
import { replication } from './dashboards/replication.ts';
import type { DashboardSpec } from './model.ts';

/** All dashboards, in the order of their links. */
export const dashboards: readonly DashboardSpec[] = [
  overview,
  delivery,
  failover,
  replication,
  member,
  clientsAndPublishers,
];
export { annotations } from './annotations.ts';
export { buildDashboard, renderDashboard } from './build.ts';
export type { DashboardSpec, PanelSpec } from './model.ts';
