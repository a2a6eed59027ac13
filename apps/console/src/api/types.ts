import type { Schemas } from '@mqtt-cluster/api/client';

/** Shapes of the HTTP API, version 1, as its document declares them. */

export type Role = 'viewer' | 'operator' | 'admin';

/** The user of the console with its role. */
export type Me = Schemas['Me'];

export type Member = Schemas['Member'];
export type Overview = Schemas['Overview'];
export type ClientSummary = Schemas['ClientSummary'];
export type ClientDetail = Schemas['Client'];
export type Subscription = Schemas['SubscriptionPage']['items'][number];
export type RetainedSummary = Schemas['RetainedItem'];
export type RetainedMessage = Schemas['RetainedMessage'];
export type ClusterEvent = Schemas['Event'];
export type EventKind = ClusterEvent['kind'];
export type TraceItem = Schemas['TraceItem'];
export type ChangeEffect = Schemas['ChangeEffect'];
export type MemberChange = 'add' | 'remove' | 'drain';
export type Settings = Schemas['ClusterSettings'];
export type SettingsChange = Schemas['SettingsChange'];
export type User = Schemas['User'];
export type UserChange = Schemas['UserChange'];
export type Rule = Schemas['AccessRule'];
export type Link = Schemas['Link'];
export type LinkDefinition = Schemas['LinkDefinition'];

export interface ClientQuery {
  limit?: number;
  after?: string;
  id?: string;
  user?: string;
  address?: string;
  member?: string;
  connected?: boolean;
}

/** At most one of `filter` and `topic` may be present. */
export interface SubscriptionQuery {
  limit?: number;
  after?: string;
  filter?: string;
  topic?: string;
}

/** Problem details [RFC 9457]. */
export interface Problem {
  readonly title?: string;
  readonly detail?: string;
}
