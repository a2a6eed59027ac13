import type { ComponentType } from 'preact';
import type { Me } from '../api/types.ts';

/** A page of the console. Its code is loaded when the page is opened, unless it is part of the first page. */
export interface PageEntry {
  readonly name: string;
  readonly title: string;
  readonly group: 'See' | 'Try' | 'Steer';
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
];
