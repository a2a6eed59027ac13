import type {
  ChangeEffect,
  ClientDetail,
  ClientQuery,
  ClientSummary,
  ClusterEvent,
  Gathered,
  Me,
  MemberChange,
  Overview,
  Page,
  QoS,
  RetainedDeletion,
  RetainedMessage,
  RetainedSummary,
  Settings,
  Subscription,
  User,
  UserChange,
} from './types.ts';

interface PageQuery {
  limit?: number;
  after?: string;
}

/** Generated types have no `readonly`, and openapi-fetch expects none. */
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

type Json<Body> = { content: { 'application/json': Mutable<Body> } };

interface Operation<Answer, Query = never, Path = never, Body = never> {
  parameters: { query?: Query; path?: Path };
  requestBody?: Json<Body>;
  responses: { 200: Json<Answer> };
}

/** An operation whose path has parameters. */
interface At<Path, Answer, Query = never, Body = never> {
  parameters: { query?: Query; path: Path };
  requestBody?: Json<Body>;
  responses: { 200: Json<Answer> };
}

interface ById {
  id: string;
}

/** The paths of the API as `openapi-typescript` writes them. */
export interface paths {
  '/me': { get: Operation<Me> };
  '/sign-in': {
    post: Operation<Pick<Me, 'user' | 'role'>, never, never, { user: string; password: string }>;
  };
  '/sign-out': { post: Operation<unknown> };
  '/overview': { get: Operation<Overview> };
  '/members': { post: Operation<unknown, never, never, { id: string }> };
  '/members/{id}': { delete: At<ById, unknown, { force?: boolean }> };
  '/members/{id}/drain': { post: At<ById, unknown> };
  '/members/{id}/undrain': { post: At<ById, unknown> };
  '/members/{id}/change-effect': { get: At<ById, ChangeEffect, { action: MemberChange }> };
  '/leadership': { post: Operation<unknown, never, never, { to?: string }> };
  '/bootstrap': { post: Operation<unknown> };
  '/settings': {
    get: Operation<{ settings: Settings }>;
    patch: Operation<unknown, never, never, Settings>;
  };
  '/users': { get: Operation<{ users: readonly User[] }> };
  '/users/{name}': {
    put: At<{ name: string }, unknown, never, UserChange>;
    delete: At<{ name: string }, unknown>;
  };
  '/rules': {
    get: Operation<{ rules: readonly unknown[] }>;
    put: Operation<unknown, never, never, { rules: readonly unknown[] }>;
  };
  '/clients': { get: Operation<Page<ClientSummary>, ClientQuery> };
  '/clients/{id}': { get: At<ById, ClientDetail> };
  '/clients/{id}/connection': { delete: At<ById, { ended: boolean }> };
  '/clients/{id}/session': { delete: At<ById, { deleted: boolean }> };
  '/clients/disconnect': {
    post: Operation<
      { ended: number; notConnected: readonly string[] },
      never,
      never,
      { ids: readonly string[] }
    >;
  };
  '/subscriptions': { get: Operation<Page<Subscription>, PageQuery & { filter?: string; topic?: string }> };
  '/retained': {
    get: Operation<Page<RetainedSummary>, PageQuery & { filter?: string }>;
    delete: Operation<RetainedDeletion, { filter: string; dryRun: boolean }>;
  };
  '/retained/message': {
    get: Operation<RetainedMessage, { topic: string }>;
    delete: Operation<{ deleted: boolean }, { topic: string }>;
  };
  '/publish': {
    post: Operation<
      unknown,
      never,
      never,
      { topic: string; payload: string; encoding?: 'utf8' | 'base64'; qos?: QoS; retain?: boolean }
    >;
  };
  '/events': {
    get: Operation<{ events: readonly ClusterEvent[] } & Gathered, PageQuery & { client?: string }>;
  };
}
