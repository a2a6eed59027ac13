import type { AdminAction, ClusterConfig, Message, PeerMessage, RaftMessage } from '@mqtt-cluster/contracts';
import type { Complete } from '@mqtt-cluster/contracts/testing';

const storeId = 'a1'.repeat(16);
const otherStoreId = 'b2'.repeat(16);
const header = { term: 7, storeId, toStoreId: otherStoreId };

const config: ClusterConfig = {
  members: [
    { id: 'm1', storeId, role: 'voter' },
    { id: 'm2', storeId: otherStoreId, role: 'learner' },
  ],
};

const message: Complete<Message> = {
  topic: 'plant/ünit/1',
  payload: new Uint8Array([0, 1, 127, 128, 255]),
  qos: 2,
  retain: true,
  properties: {
    payloadFormatIndicator: true,
    messageExpiryInterval: 3_600,
    contentType: 'text/plain',
    responseTopic: 'plant/answers',
    correlationData: new Uint8Array([9, 8, 7]),
    userProperties: [
      ['unit', 'bar'],
      ['unit', 'psi'],
    ],
  },
  publisher: 'client-1',
  expiresAt: 1_700_000_000_123,
};

const shortMessage: Message = { topic: 't', payload: new Uint8Array(), qos: 0, retain: false };

/** One message of every Raft type with every optional field. */
const raft: { readonly [Type in RaftMessage['type']]: Complete<Extract<RaftMessage, { type: Type }>> } = {
  voteRequest: { type: 'voteRequest', ...header, pre: true, lastIndex: 41, lastTerm: 6, force: false },
  voteResponse: { type: 'voteResponse', ...header, pre: false, granted: true },
  appendRequest: {
    type: 'appendRequest',
    ...header,
    previousIndex: 41,
    previousTerm: 6,
    entries: [
      { index: 42, term: 7, kind: 'config', data: new Uint8Array(), config },
      { index: 43, term: 7, kind: 'normal', data: new Uint8Array([1, 2, 3]), config: { members: [] } },
    ],
    commit: 40,
    round: 1_234_567,
  },
  appendResponse: {
    type: 'appendResponse',
    ...header,
    success: false,
    matchIndex: 39,
    conflictTerm: 5,
    round: 12,
  },
  snapshotPiece: {
    type: 'snapshotPiece',
    ...header,
    index: 5_000_000_000,
    snapshotTerm: 6,
    config,
    offset: 65_536,
    totalBytes: 70_000,
    data: new Uint8Array([0xc1, 0, 0xff]),
    round: 13,
  },
  snapshotResponse: {
    type: 'snapshotResponse',
    ...header,
    index: 5_000_000_000,
    offset: 70_000,
    installed: true,
    round: 14,
  },
  timeoutNow: { type: 'timeoutNow', ...header },
};

/** One action of every kind with every optional field. */
const actions: { readonly [Kind in AdminAction['kind']]: Complete<Extract<AdminAction, { kind: Kind }>> } = {
  survey: { kind: 'survey' },
  addMember: { kind: 'addMember', member: 'm3' },
  removeMember: { kind: 'removeMember', member: 'm3', force: true },
  transferLeadership: { kind: 'transferLeadership', to: 'm2' },
};

type Direct = Exclude<PeerMessage, { type: 'raft' | 'admin' }>;

/** One message of every other type with every optional field. */
const direct: { readonly [Type in Direct['type']]: Complete<Extract<Direct, { type: Type }>> } = {
  propose: { type: 'propose', batches: [new Uint8Array([0xb1, 1, 2]), new Uint8Array()] },
  hello: {
    type: 'hello',
    storeId,
    incarnation: 3,
    sentAtMs: 1_234.5,
    fresh: false,
    config,
    state: 'draining',
    clients: 17,
    load: 0.25,
    urls: ['mqtt://10.0.0.1:1883', 'mqtts://10.0.0.1:8883'],
    semantics: 2,
    appliedIndex: 40,
    digest: { index: 32, value: '0123456789abcdef' },
    outboxItems: 2,
    known: [{ id: 'm2', storeId: otherStoreId, fresh: true }],
    wallTimeMs: 86_400_123.25,
    api: 1,
  },
  interest: {
    type: 'interest',
    storeId,
    incarnation: 3,
    full: true,
    version: 5,
    add: ['plant/#', '+/status'],
    remove: ['old/+'],
  },
  interestAnswer: { type: 'interestAnswer', incarnation: 3, version: 5 },
  live: {
    type: 'live',
    storeId,
    incarnation: 3,
    sentAtMs: 1_235.75,
    appliedIndex: 41,
    messages: [message],
    direct: [{ client: 'client-2', message, filter: '$share/group/a/#' }],
  },
  adminAnswer: {
    type: 'adminAnswer',
    request: 8,
    outcome: {
      accepted: false,
      reason: 'm3 has not been heard',
      later: true,
      survey: { m2: { lagEntries: 3, silentMs: 0.5 } },
    },
  },
  query: { type: 'query', request: 11, kind: 'connections.get', body: new Uint8Array([0x7b, 0x7d]) },
  queryAnswer: { type: 'queryAnswer', request: 11, code: 200, body: new Uint8Array([0x5b, 0x5d]) },
  relay: {
    type: 'relay',
    from: 'm1',
    to: 'm3',
    channel: 'log',
    message: { type: 'propose', batches: [new Uint8Array([1])] },
  },
};

/**
 * Messages of the same types without their optional fields, and messages with the other possible values of a
 * field.
 */
const short: Readonly<Record<string, PeerMessage>> = {
  'raft appendRequest without entries': {
    type: 'raft',
    message: { ...raft.appendRequest, entries: [] },
  },
  'raft appendRequest with entries without config': {
    type: 'raft',
    message: {
      ...raft.appendRequest,
      entries: [
        { index: 42, term: 7, kind: 'noop', data: new Uint8Array() },
        { index: 43, term: 7, kind: 'normal', data: new Uint8Array(300).fill(0x5a) },
      ],
    },
  },
  'raft heartbeat with cluster time': {
    type: 'raft',
    message: { ...raft.appendRequest, entries: [] },
    clusterTimeMs: 86_400_000.5,
  },
  'raft voteResponse with an estimate of cluster time': {
    type: 'raft',
    message: raft.voteResponse,
    clusterTimeMs: 86_400_001,
  },
  'raft voteRequest that is forced': {
    type: 'raft',
    message: { ...raft.voteRequest, pre: false, force: true },
  },
  'admin transferLeadership without a target': {
    type: 'admin',
    request: 9,
    action: { kind: 'transferLeadership' },
  },
  'adminAnswer without optional fields': {
    type: 'adminAnswer',
    request: 9,
    outcome: { accepted: true, reason: '' },
  },
  'hello without optional fields': {
    type: 'hello',
    storeId,
    incarnation: 1,
    fresh: true,
    config: null,
    state: 'joining',
    clients: 0,
    load: 0,
    urls: [],
    semantics: 1,
    appliedIndex: 0,
    digest: null,
    known: [],
  },
  'hello of an isolated member': { ...direct.hello, state: 'isolated' },
  'hello of a serving member': { ...direct.hello, state: 'serving' },
  'interest with changes only': { type: 'interest', full: false, version: 6, add: [], remove: [] },
  'live without optional fields': {
    type: 'live',
    messages: [shortMessage, { ...shortMessage, qos: 1, properties: {} }],
    direct: [{ client: 'c', message: shortMessage }],
  },
  'relay of a Raft message': {
    type: 'relay',
    from: 'm1',
    to: 'm3',
    channel: 'raft',
    message: { type: 'raft', message: raft.timeoutNow },
  },
  'relay of a live message': { type: 'relay', from: 'm1', to: 'm3', channel: 'live', message: direct.live },
};

/**
 * Every sample message by name. The type check fails when a message type or an optional field has no sample.
 */
export const samples: ReadonlyMap<string, PeerMessage> = new Map<string, PeerMessage>([
  ...Object.entries(raft).map(([type, sample]): [string, PeerMessage] => [
    `raft ${type}`,
    { type: 'raft', message: sample },
  ]),
  ...Object.entries(actions).map(([kind, action]): [string, PeerMessage] => [
    `admin ${kind}`,
    { type: 'admin', request: 8, action },
  ]),
  ...Object.entries(direct).map(([type, sample]): [string, PeerMessage] => [type, sample]),
  ...Object.entries(short),
]);
