import type { Broker } from '@mqtt-cluster/broker';
import type { Logger, StateView } from '@mqtt-cluster/contracts';
import { QueryFault } from '../queries/index.ts';
import type { ClusterQueries, PeerQueries } from '../queries/index.ts';
import type { ClientAuthentication } from '../authentication/client-authentication.ts';
import type { ApplianceConfig } from '../config.ts';
import { announcedUrls } from '../listeners/client-listeners.ts';
import type { ManagementInterface } from '../node/management-interface.ts';
import type { MemberRunner } from '../node/member-runner.ts';
import type { MemberReporter } from '../observability/member-reporter.ts';
import type { StateChanges } from '../state-changes/state-changes.ts';
import { ApiGateway } from './api-gateway.ts';
import { homeSessions, sessionsQuestion } from './clients/home-sessions.ts';
import { memberReport } from './members/member-report.ts';
import type { MemberReporterOptions } from './members/member-report.ts';
import { drainQuestion, memberQuestion } from './members/questions.ts';
import { RateMeter } from './members/rate-meter.ts';
import { homeSubscriptions, subscriptionsQuestion } from './subscriptions/home-subscriptions.ts';

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
  readonly authentication: ClientAuthentication;
  readonly reporter: Pick<MemberReporter, 'droppedMessages' | 'commits'>;
  readonly memoryPressure: MemberReporterOptions['memoryPressure'];
  /** The broker; it starts after the HTTP server. */
  readonly broker: () => Broker | null;
}

/**
 * Answers the questions of other members for the API, and returns the gateway of the requests. The handlers themselves are
 * loaded with the first request.
 */
export function composeApi(components: ApiComponents): ApiGateway {
  answerQuestions(components);
  return new ApiGateway(async () => {
    const { loadApi } = await import('./load-api.ts');
    return loadApi(components);
  }, components.logger);
}

function answerQuestions(components: ApiComponents): void {
  const { config, version, runner, management, queries, reporter, memoryPressure, broker } = components;
  const view = (): StateView => runner.readMember((member) => member.view());
  const noPublishes = [0, 0, 0] as const;
  const rates = new RateMeter({
    totals: () => ({
      received: broker()?.counters().publishesReceived ?? noPublishes,
      delivered: broker()?.counters().publishesSent ?? noPublishes,
      dropped: reporter.droppedMessages,
    }),
    commits: () => reporter.commits.values(),
    now: () => performance.now(),
  });
  const report: MemberReporterOptions = {
    status: () => runner.status(),
    version,
    urls: announcedUrls(config),
    load: () => management.load,
    rates,
    httpPort: config.http.port,
    directory: config.data,
    memoryPressure,
  };
  queries.on(memberQuestion, () => memberReport(report));
  queries.on(sessionsQuestion, (body) => homeSessions(view(), body));
  queries.on(subscriptionsQuestion, (body) => homeSubscriptions(view(), body));
  queries.on(drainQuestion, async (body) => {
    const { command, parameters } = body as { readonly command: string; readonly parameters: unknown };
    if (command !== 'drain' && command !== 'undrain')
      throw new QueryFault(400, `the member has no command ${command}`);
    const { code, body: result } = await management.commandHandler.execute(command, parameters);
    if (code >= 400) throw new QueryFault(code, String(result['error']));
    return result;
  });
}
