import type { HttpExchange } from '@mqtt-cluster/runtime';
import { metricsNeedTls } from '../config.ts';
import type { ApiComponents } from './api-components.ts';
import { clientHandlers } from './clients/client-handlers.ts';
import { ClientsReader } from './clients/clients-reader.ts';
import { clusterHandlers } from './cluster/cluster-handlers.ts';
import { eventHandlers } from './events/event-handlers.ts';
import { createApiApp } from './http/api-app.ts';
import { LinkAdministration } from '../links/link-administration.ts';
import { linkHandlers } from './links/link-handlers.ts';
import { memberHandlers } from './members/member-handlers.ts';
import { MembersReader } from './members/members-reader.ts';
import { LocalClients } from './messages/local-clients.ts';
import { messageHandlers } from './messages/message-handlers.ts';
import { RetainedReader } from './retained/retained-reader.ts';
import { retainedHandlers } from './retained/retained-handlers.ts';
import { signInHandlers } from './sign-in/sign-in-handlers.ts';
import { subscriptionHandlers } from './subscriptions/subscription-handlers.ts';
import { SubscriptionsReader } from './subscriptions/subscriptions-reader.ts';
import { userHandlers } from './users/user-handlers.ts';
import { announcedUrls } from '../listeners/client-listeners.ts';
import { ApiProblem } from './http/api-problem.ts';
import { StateChangeError } from '../state-changes/state-change-error.ts';
import type { StateChanges } from '../state-changes/state-changes.ts';

/** Creates the handlers of all operations. Returns the function that answers requests. */
export function loadApi(components: ApiComponents): (exchange: HttpExchange) => Promise<void> {
  const { config, version, logger, runner, management, queries, clusterQueries } = components;
  const { commandHandler } = management;
  const view = () => runner.readMember((member) => member.view());
  const status = () => runner.status();
  const ask = queries.ask.bind(queries);
  const askEach = queries.askEach.bind(queries);
  const isKnownMember = management.isKnownMember.bind(management);
  const ids = config.peers.map(({ id }) => id);
  const members = new MembersReader({ self: config.id, status, peers: config.peers, ask });
  const local = new LocalClients({
    self: config.id,
    authentication: components.authentication,
    broker: () => {
      const broker = components.broker();
      if (broker === null) throw notStarted();
      return broker;
    },
  });
  /** @throws ApiProblem the change is refused, or its result is unknown */
  const changing = async <Result>(change: (changes: StateChanges) => Promise<Result>): Promise<Result> => {
    const changes = components.stateChanges();
    if (changes === null) throw notStarted();
    try {
      return await change(changes);
    } catch (error) {
      if (!(error instanceof StateChangeError)) throw error;
      throw new ApiProblem(error.later ? 503 : 409, error.message, { later: error.later });
    }
  };
  const retained = new RetainedReader(view);
  const links = new LinkAdministration({
    manager: () => {
      const manager = components.links();
      if (manager === null) throw notStarted();
      return manager;
    },
    view,
    queries,
    changing,
    ownUrls: () => [
      ...announcedUrls(config),
      ...[...config.urls.values()].flat(),
      ...Object.values(status().peers).flatMap(({ urls }) => urls),
    ],
  });
  return createApiApp({
    access: management.access,
    audit: management.audit,
    logger,
    handlers: {
      ...clusterHandlers({
        clusterName: config.name,
        self: config.id,
        version,
        members,
        commandHandler,
        isKnownMember,
        snapshot: () => management.backups.take(),
        peers: config.peers,
        httpPort: config.http.port,
        isSecure: metricsNeedTls(config),
      }),
      ...memberHandlers({ members, status, commandHandler, isKnownMember, ask }),
      ...signInHandlers(management.signIn),
      ...userHandlers({ users: management.users, rules: management.rules }),
      ...clientHandlers({
        clients: new ClientsReader({ view, queries: clusterQueries, askEach }),
        queries: clusterQueries,
        view,
        deleteSession: (id) => changing((changes) => changes.deleteSession(id)),
      }),
      ...subscriptionHandlers(
        new SubscriptionsReader({
          self: config.id,
          members: ids,
          view,
          askAll: (kind, body, others) => queries.askAll(kind, body, others),
        }),
      ),
      ...retainedHandlers({
        retained,
        clear: (topics) => changing((changes) => changes.deleteRetained(topics)),
      }),
      ...linkHandlers(links),
      ...messageHandlers(local),
      ...eventHandlers(clusterQueries, components.clusterTraces),
    },
  });
}

function notStarted(): ApiProblem {
  return new ApiProblem(503, 'the broker has not started yet', { later: true });
}
