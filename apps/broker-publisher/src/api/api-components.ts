import type { Broker } from '@mqtt-cluster/broker';
import type { Logger } from '@mqtt-cluster/contracts';
import type { LinkManager } from '@mqtt-cluster/links';
import type { ClientAuthentication } from '../authentication/client-authentication.ts';
import type { ApplianceConfig } from '../config.ts';
import type { ManagementInterface } from '../node/management-interface.ts';
import type { MemberRunner } from '../node/member-runner.ts';
import type { MemberReporter } from '../observability/member-reporter.ts';
import type { ClusterQueries, PeerQueries } from '../queries/index.ts';
import type { StateChanges } from '../state-changes/state-changes.ts';
import type { MemberReporterOptions } from './members/member-report.ts';

/** The parts of an appliance that the HTTP API reads and changes. */
export interface ApiComponents {
  readonly config: ApplianceConfig;
  readonly version: string;
  readonly logger: Logger;
  readonly runner: MemberRunner;
  readonly management: ManagementInterface;
  readonly queries: PeerQueries;
  readonly clusterQueries: Omit<ClusterQueries, 'trace'>;
  readonly clusterTraces: Pick<ClusterQueries, 'trace'>;
  /** Null until the broker exists. */
  readonly stateChanges: () => StateChanges | null;
  /** Null until the member has its broker. */
  readonly links: () => LinkManager | null;
  readonly authentication: ClientAuthentication;
  readonly reporter: Pick<MemberReporter, 'droppedMessages' | 'commits'>;
  readonly memoryPressure: MemberReporterOptions['memoryPressure'];
  /** The broker; it starts after the HTTP server. */
  readonly broker: () => Broker | null;
}
