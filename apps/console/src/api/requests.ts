import { api, read, withDeadline } from './transport.ts';
import type {
  ClientQuery,
  LinkDefinition,
  MemberChange,
  Rule,
  SettingsChange,
  SubscriptionQuery,
  UserChange,
} from './types.ts';

type Signal = AbortSignal | undefined;

export const getMe = (signal?: Signal) => read(api.GET('/me', { signal: withDeadline(signal) }));

export const signIn = (user: string, password: string) =>
  read(api.POST('/sign-in', { body: { user, password }, signal: withDeadline() }));

export const signOut = () => read(api.POST('/sign-out', { signal: withDeadline() }));

export const getOverview = (signal?: Signal) => read(api.GET('/overview', { signal: withDeadline(signal) }));

export const listClients = (query: ClientQuery, signal?: Signal) =>
  read(api.GET('/clients', { params: { query }, signal: withDeadline(signal) }));

export const getClient = (id: string, signal?: Signal) =>
  read(api.GET('/clients/{id}', { params: { path: { id } }, signal: withDeadline(signal) }));

export const endConnection = (id: string) =>
  read(api.DELETE('/clients/{id}/connection', { params: { path: { id } }, signal: withDeadline() }));

export const endConnections = (ids: readonly string[]) =>
  read(api.POST('/clients/disconnect', { body: { ids: [...ids] }, signal: withDeadline() }));

export const deleteSession = (id: string) =>
  read(api.DELETE('/clients/{id}/session', { params: { path: { id } }, signal: withDeadline() }));

export const listSubscriptions = (query: SubscriptionQuery, signal?: Signal) =>
  read(api.GET('/subscriptions', { params: { query }, signal: withDeadline(signal) }));

export const listRetained = (query: { filter?: string; limit?: number; after?: string }, signal?: Signal) =>
  read(api.GET('/retained', { params: { query }, signal: withDeadline(signal) }));

export const getRetained = (topic: string, signal?: Signal) =>
  read(api.GET('/retained/message', { params: { query: { topic } }, signal: withDeadline(signal) }));

export const deleteRetained = (topic: string) =>
  read(api.DELETE('/retained/message', { params: { query: { topic } }, signal: withDeadline() }));

export const countRetainedBy = (filter: string) =>
  read(api.DELETE('/retained', { params: { query: { filter, dryRun: true } }, signal: withDeadline() }));

/** Deletes at most `limit` messages. The answer has the cursor of the next request. */
export const deleteRetainedBy = (query: { filter: string; limit: number; after?: string }) =>
  read(api.DELETE('/retained', { params: { query: { ...query, dryRun: false } }, signal: withDeadline() }));

export const listEvents = (query: { client?: string; limit?: number }, signal?: Signal) =>
  read(api.GET('/events', { params: { query }, signal: withDeadline(signal) }));

export const getChangeEffect = (id: string, action: MemberChange, signal?: Signal) =>
  read(
    api.GET('/members/{id}/change-effect', {
      params: { path: { id }, query: { action } },
      signal: withDeadline(signal),
    }),
  );

export const drain = (id: string) =>
  read(
    api.POST('/members/{id}/drain', {
      params: { path: { id } },
      // Without an exit the member stays, and an operator can end the drain on this page.
      body: { exit: false },
      signal: withDeadline(),
    }),
  );

export const undrain = (id: string) =>
  read(api.POST('/members/{id}/undrain', { params: { path: { id } }, signal: withDeadline() }));

export const transferLeadership = (to: string) =>
  read(api.POST('/leadership', { body: { to }, signal: withDeadline() }));

export const addMember = (id: string) => read(api.POST('/members', { body: { id }, signal: withDeadline() }));

export const removeMember = (id: string, force: boolean) =>
  read(
    api.DELETE('/members/{id}', {
      params: { path: { id }, query: { force } },
      signal: withDeadline(),
    }),
  );

export const getSettings = (signal?: Signal) => read(api.GET('/settings', { signal: withDeadline(signal) }));

export const changeSettings = (change: SettingsChange) =>
  read(api.PATCH('/settings', { body: change, signal: withDeadline() }));

export const listUsers = (signal?: Signal) => read(api.GET('/users', { signal: withDeadline(signal) }));

export const changeUser = (name: string, change: UserChange) =>
  read(api.PUT('/users/{name}', { params: { path: { name } }, body: change, signal: withDeadline() }));

export const removeUser = (name: string) =>
  read(api.DELETE('/users/{name}', { params: { path: { name } }, signal: withDeadline() }));

export const getRules = (signal?: Signal) => read(api.GET('/rules', { signal: withDeadline(signal) }));

export const replaceRules = (rules: Rule[]) =>
  read(api.PUT('/rules', { body: { rules }, signal: withDeadline() }));

export const listLinks = (signal?: Signal) => read(api.GET('/links', { signal: withDeadline(signal) }));

export const putLink = (name: string, definition: LinkDefinition) =>
  read(api.PUT('/links/{name}', { params: { path: { name } }, body: definition, signal: withDeadline() }));

export const pauseLink = (name: string) =>
  read(api.POST('/links/{name}/pause', { params: { path: { name } }, signal: withDeadline() }));

export const resumeLink = (name: string) =>
  read(api.POST('/links/{name}/resume', { params: { path: { name } }, signal: withDeadline() }));

export const testLink = (name: string) =>
  read(api.POST('/links/{name}/test', { params: { path: { name } }, signal: withDeadline() }));

export const removeLink = (name: string) =>
  read(api.DELETE('/links/{name}', { params: { path: { name } }, signal: withDeadline() }));
