import type { ComponentType } from 'preact';
import { includesRole } from '../api/authorization.ts';
import type { Me } from '../api/types.ts';

/** A page of the console. The code of a page is loaded when the page is opened. */
export interface PageEntry {
  readonly name: string;
  readonly title: string;
  /** The group of its link in the navigation; null: other pages link to it. */
  readonly group: 'See' | 'Try' | 'Steer' | null;
  readonly isShown: (me: Me) => boolean;
  readonly load: () => Promise<ComponentType>;
}

const always = (): boolean => true;

export const pages: readonly PageEntry[] = [
  {
    name: 'overview',
    title: 'Overview',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/overview/overview-page.tsx')).OverviewPage,
  },
  {
    name: 'clients',
    title: 'Clients',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/clients/clients-page.tsx')).ClientsPage,
  },
  {
    name: 'subscriptions',
    title: 'Subscriptions',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/subscriptions/subscriptions-page.tsx')).SubscriptionsPage,
  },
  {
    name: 'topics',
    title: 'Topics',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/topics/topics-page.tsx')).TopicsPage,
  },
  {
    name: 'retained',
    title: 'Retained',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/retained/retained-page.tsx')).RetainedPage,
  },
  {
    name: 'events',
    title: 'Events',
    group: 'See',
    isShown: always,
    load: async () => (await import('../pages/events/events-page.tsx')).EventsPage,
  },
  {
    name: 'try',
    title: 'Try it',
    group: 'Try',
    isShown: always,
    load: async () => (await import('../pages/try/try-page.tsx')).TryPage,
  },
  {
    name: 'trace',
    title: 'Trace',
    group: 'Try',
    isShown: always,
    load: async () => (await import('../pages/trace/trace-page.tsx')).TracePage,
  },
  {
    name: 'faults',
    title: 'Faults',
    group: 'Try',
    isShown: ({ lab }) => lab,
    load: async () => (await import('../pages/faults/faults-page.tsx')).FaultsPage,
  },
  {
    name: 'cluster',
    title: 'Cluster',
    group: 'Steer',
    isShown: always,
    load: async () => (await import('../pages/cluster/cluster-page.tsx')).ClusterPage,
  },
  {
    name: 'links',
    title: 'Links',
    group: 'Steer',
    isShown: always,
    load: async () => (await import('../pages/links/links-page.tsx')).LinksPage,
  },
  {
    name: 'runbooks',
    title: 'Runbooks',
    group: null,
    isShown: always,
    load: async () => (await import('../pages/runbooks/runbook-page.tsx')).RunbookPage,
  },
  {
    name: 'users',
    title: 'Users and rules',
    group: 'Steer',
    isShown: ({ role }) => includesRole(role, 'admin'),
    load: async () => (await import('../pages/users/users-page.tsx')).UsersPage,
  },
];
