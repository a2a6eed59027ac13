/**
 * Questions of the HTTP API to the members of the cluster. Each question waits at most two seconds for a member, and
 * each answer names the members that are missing.
 */
export { apiVersion, PeerQueries } from './peer-queries.ts';
export type { Answer, Answers, MissingMembers } from './peer-queries.ts';
export { QueryFault } from './answered-queries.ts';
export type { QueryHandler } from './answered-queries.ts';
export type {
  ClusterQueries,
  ConnectionDetails,
  EventFilter,
  RecordedEvent,
  TraceFilter,
  TraceItem,
  TraceLine,
  TraceRefusal,
} from './cluster-queries.ts';
