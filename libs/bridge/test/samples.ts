import type {
  ClusterConfig,
  LogEntry,
  Message,
  PeerMessage,
  RaftMessage,
  RelayedMessage,
} from '@mqtt-cluster/contracts';
import fc from 'fast-check';

/** Generates records with Object.prototype, like the records that the production code creates. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;

const storeId = fc.constantFrom('a'.repeat(32), 'b'.repeat(32));
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.string({ unit: 'grapheme', maxLength: 40 });

const config: fc.Arbitrary<ClusterConfig> = record({
  members: fc.array(record({ id: text, storeId, role: fc.constantFrom('voter', 'learner') }), {
    maxLength: 7,
  }),
});

const entry: fc.Arbitrary<LogEntry> = fc.record(
  { index: count, term: count, kind: fc.constantFrom('noop', 'config', 'normal'), data: bytes, config },
  { noNullPrototype: true, requiredKeys: ['index', 'term', 'kind', 'data'] },
);

const properties = fc.record(
  {
    payloadFormatIndicator: fc.boolean(),
    messageExpiryInterval: fc.nat(),
    contentType: text,
    responseTopic: text,
    correlationData: bytes,
    userProperties: fc.array(fc.tuple(text, text), { maxLength: 3 }),
  },
  { noNullPrototype: true, requiredKeys: [] },
);

const message: fc.Arbitrary<Message> = fc.record(
  {
    topic: text,
    payload: bytes,
    qos: fc.constantFrom(0, 1, 2),
    retain: fc.boolean(),
    properties,
    publisher: text,
    expiresAt: fc.double({ min: 0, noNaN: true }),
  },
  { noNullPrototype: true, requiredKeys: ['topic', 'payload', 'qos', 'retain'] },
);

const raftHeader = { term: count, storeId, toStoreId: storeId };

const raftMessage: fc.Arbitrary<RaftMessage> = fc.oneof(
  record({
    ...raftHeader,
    type: fc.constant('voteRequest'),
    pre: fc.boolean(),
    lastIndex: count,
    lastTerm: count,
    force: fc.boolean(),
  }),
  record({ ...raftHeader, type: fc.constant('voteResponse'), pre: fc.boolean(), granted: fc.boolean() }),
  record({
    ...raftHeader,
    type: fc.constant('appendRequest'),
    previousIndex: count,
    previousTerm: count,
    entries: fc.array(entry, { maxLength: 5 }),
    commit: count,
    round: count,
  }),
  record({
    ...raftHeader,
    type: fc.constant('appendResponse'),
    success: fc.boolean(),
    matchIndex: count,
    conflictTerm: count,
    round: count,
  }),
  record({
    ...raftHeader,
    type: fc.constant('snapshotPiece'),
    index: count,
    snapshotTerm: count,
    config,
    offset: count,
    totalBytes: count,
    data: bytes,
    round: count,
  }),
  record({
    ...raftHeader,
    type: fc.constant('snapshotResponse'),
    index: count,
    offset: count,
    installed: fc.boolean(),
    round: count,
  }),
  record({ ...raftHeader, type: fc.constant('timeoutNow') }),
);

const digest = fc.option(record({ index: count, value: text }), { nil: null });

const adminAction = fc.oneof(
  record({ kind: fc.constant('survey') }),
  record({ kind: fc.constant('addMember'), member: text }),
  record({ kind: fc.constant('removeMember'), member: text, force: fc.boolean() }),
  record({ kind: fc.constant('transferLeadership') }),
  record({ kind: fc.constant('transferLeadership'), to: text }),
);

const adminOutcome = fc.oneof(
  record({ accepted: fc.boolean(), reason: text }),
  record({
    accepted: fc.boolean(),
    reason: text,
    later: fc.boolean(),
    survey: fc.constant({ a: { lagEntries: 3, silentMs: 0.5 } }),
  }),
);

const direct: fc.Arbitrary<RelayedMessage> = fc.oneof(
  record({ type: fc.constant('raft'), message: raftMessage }),
  record({ type: fc.constant('propose'), batches: fc.array(bytes, { maxLength: 4 }) }),
  record({
    type: fc.constant('hello'),
    storeId,
    incarnation: count,
    sentAtMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    fresh: fc.boolean(),
    config: fc.option(config, { nil: null }),
    state: fc.constantFrom('joining', 'serving', 'draining', 'isolated'),
    clients: count,
    load: fc.double({ min: 0, max: 1, noNaN: true }),
    urls: fc.array(text, { maxLength: 3 }),
    semantics: count,
    appliedIndex: count,
    digest,
    outboxItems: count,
    known: fc.array(record({ id: text, storeId, fresh: fc.boolean() }), { maxLength: 7 }),
  }),
  record({ type: fc.constant('admin'), request: count, action: adminAction }),
  record({ type: fc.constant('adminAnswer'), request: count, outcome: adminOutcome }),
  record({
    type: fc.constant('interest'),
    full: fc.boolean(),
    version: count,
    add: fc.array(text, { maxLength: 4 }),
    remove: fc.array(text, { maxLength: 4 }),
  }),
  record({
    type: fc.constant('live'),
    storeId,
    incarnation: count,
    sentAtMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    messages: fc.array(message, { maxLength: 4 }),
    direct: fc.array(record({ client: text, message }), { maxLength: 2 }),
  }),
);

/** Generates each kind of peer message, with and without each optional field. */
export const peerMessage: fc.Arbitrary<PeerMessage> = fc.oneof(
  { weight: 5, arbitrary: direct },
  {
    weight: 1,
    arbitrary: record({ type: fc.constant('query'), request: count, kind: text, body: bytes }),
  },
  {
    weight: 1,
    arbitrary: record({ type: fc.constant('queryAnswer'), request: count, code: count, body: bytes }),
  },
  {
    weight: 1,
    arbitrary: record({
      type: fc.constant('relay'),
      from: text,
      to: text,
      channel: fc.constantFrom('raft', 'log', 'live'),
      message: direct,
    }),
  },
);

export function live(topic: string, payload: Uint8Array): PeerMessage {
  return {
    type: 'live',
    storeId: 's',
    incarnation: 1,
    sentAtMs: 5,
    messages: [{ topic, payload, qos: 0, retain: false }],
    direct: [],
  };
}

export function propose(...batches: readonly Uint8Array[]): PeerMessage {
  return { type: 'propose', batches };
}

export function timeoutNow(term: number): PeerMessage {
  const storeId = '0'.repeat(32);
  return { type: 'raft', message: { type: 'timeoutNow', term, storeId, toStoreId: storeId } };
}
