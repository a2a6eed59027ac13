import type { StateView } from '@mqtt-cluster/contracts';
import { QueryFault } from '../queries/index.ts';
import { metricsNeedTls } from '../config.ts';
import { announcedUrls } from '../listeners/client-listeners.ts';
import type { ApiComponents } from './api-components.ts';
import { ApiGateway } from './api-gateway.ts';
import { homeSessions, sessionsQuestion } from './clients/home-sessions.ts';
import { memberReport } from './members/member-report.ts';
import type { MemberReporterOptions } from './members/member-report.ts';
import { drainQuestion, memberQuestion } from './members/questions.ts';
import { RateMeter } from './members/rate-meter.ts';
import {
  allSubscriptionsQuestion,
  homeSubscriptions,
  subscriptionsQuestion,
} from './subscriptions/home-subscriptions.ts';

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
    httpSecure: metricsNeedTls(config),
    directory: config.data,
    memoryPressure,
  };
  queries.on(memberQuestion, () => memberReport(report));
  queries.on(sessionsQuestion, (body) => homeSessions(view(), body));
  for (const kind of [subscriptionsQuestion, allSubscriptionsQuestion])
    queries.on(kind, (body) => homeSubscriptions(view(), body));
  queries.on(drainQuestion, async (body) => {
    const { command, parameters } = body as { readonly command: string; readonly parameters: unknown };
    if (command !== 'drain' && command !== 'undrain')
      throw new QueryFault(400, `the member has no command ${command}`);
    const { code, body: result } = await management.commandHandler.execute(command, parameters);
    if (code >= 400) throw new QueryFault(code, String(result['error']));
    return result;
  });
}
