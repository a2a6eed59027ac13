import { clientRoutes } from './clients/client-routes.ts';
import { clusterRoutes } from './cluster/cluster-routes.ts';
import { eventRoutes } from './events/event-routes.ts';
import { linkRoutes } from './links/link-routes.ts';
import { memberRoutes } from './members/member-routes.ts';
import { messageRoutes } from './messages/message-routes.ts';
import { retainedRoutes } from './retained/retained-routes.ts';
import { signInRoutes } from './sign-in/sign-in-routes.ts';
import { subscriptionRoutes } from './subscriptions/subscription-routes.ts';
import { userRoutes } from './users/user-routes.ts';

/** All operations of the API by their `operationId`. */
export const routes = {
  ...clusterRoutes,
  ...memberRoutes,
  ...clientRoutes,
  ...subscriptionRoutes,
  ...retainedRoutes,
  ...messageRoutes,
  ...eventRoutes,
  ...linkRoutes,
  ...userRoutes,
  ...signInRoutes,
} as const;

export type Routes = typeof routes;
