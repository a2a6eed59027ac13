/**
 * Questions of the HTTP API to the members of the cluster. Each question waits at most two seconds for a member, and
 * each answer names the members that are missing.
 */
export { apiVersion, PeerQueries } from './peer-queries.ts';
export type { Answer, Answers, MissingMembers } from './peer-queries.ts';
export { ClusterQuestions } from './cluster-questions.ts';
export { ClusterTraces } from './cluster-traces.ts';
export { answerTraces } from './member-traces.ts';
export { EventLog } from './event-log.ts';
export { ClusterEvents, recordClientEvent } from './event-sources.ts';
export { answerQuestions } from './member-answers.ts';
export { QueryFault } from './answered-queries.ts';
export type {
  ClusterQueries,
  ConnectionDetails,
  RecordedEvent,
  TraceFilter,
  TraceItem,
  TraceRefusal,
} from './cluster-queries.ts';
