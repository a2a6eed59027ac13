import type { PeerMessage } from '@mqtt-cluster/contracts';

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isBytes: Check = (value) => value instanceof Uint8Array;
const isNumber: Check = (value) => typeof value === 'number';
const isInteger: Check = (value) => Number.isSafeInteger(value);
/** Terms, indexes, counters, offsets. */
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNull: Check = (value) => value === null;

const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value);

const either =
  (first: Check, second: Check): Check =>
  (value) =>
    first(value) || second(value);

const optional = (check: Check): Check => either((value) => value === undefined, check);

const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

/** Fields that are not named may be there: a newer member may add optional ones. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(fields);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const record = value as Record<string, unknown>;
    for (const [name, check] of entries) if (!check(record[name])) return false;
    return true;
  };
}

const recordOf =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(check);

/** By the value of one field; an unknown value is refused. */
function variants(field: string, checks: Readonly<Record<string, Check>>): Check {
  const byName = new Map(Object.entries(checks));
  return (value) => {
    if (typeof value !== 'object' || value === null) return false;
    const check = byName.get((value as Record<string, unknown>)[field] as string);
    return check !== undefined && check(value);
  };
}

const isPair: Check = (value) => Array.isArray(value) && value.length === 2 && value.every(isString);

const isConfig = shape({
  members: listOf(shape({ id: isString, storeId: isString, role: oneOf('voter', 'learner') })),
});

const isEntry = shape({
  index: isCount,
  term: isCount,
  kind: oneOf('noop', 'config', 'normal'),
  data: isBytes,
  config: optional(isConfig),
});

const isMessage = shape({
  topic: isString,
  payload: isBytes,
  qos: oneOf(0, 1, 2),
  retain: isBoolean,
  properties: optional(
    shape({
      payloadFormatIndicator: optional(isBoolean),
      messageExpiryInterval: optional(isCount),
      contentType: optional(isString),
      responseTopic: optional(isString),
      correlationData: optional(isBytes),
      userProperties: optional(listOf(isPair)),
    }),
  ),
  publisher: optional(isString),
  expiresAt: optional(isNumber),
});

const raftHeader = { term: isCount, storeId: isString, toStoreId: isString };

const isRaftMessage = variants('type', {
  voteRequest: shape({
    ...raftHeader,
    pre: isBoolean,
    lastIndex: isCount,
    lastTerm: isCount,
    force: isBoolean,
  }),
  voteResponse: shape({ ...raftHeader, pre: isBoolean, granted: isBoolean }),
  appendRequest: shape({
    ...raftHeader,
    previousIndex: isCount,
    previousTerm: isCount,
    entries: listOf(isEntry),
    commit: isCount,
    round: isNumber,
  }),
  appendResponse: shape({
    ...raftHeader,
    success: isBoolean,
    matchIndex: isInteger,
    conflictTerm: isInteger,
    round: isNumber,
  }),
  snapshotPiece: shape({
    ...raftHeader,
    index: isCount,
    snapshotTerm: isCount,
    config: isConfig,
    offset: isCount,
    totalBytes: isCount,
    data: isBytes,
    round: isNumber,
  }),
  snapshotResponse: shape({
    ...raftHeader,
    index: isCount,
    offset: isCount,
    installed: isBoolean,
    round: isNumber,
  }),
  timeoutNow: shape(raftHeader),
});

const isAdminAction = variants('kind', {
  survey: shape({}),
  addMember: shape({ member: isString }),
  removeMember: shape({ member: isString, force: isBoolean }),
  transferLeadership: shape({ to: optional(isString) }),
});

const directMessages: Readonly<Record<string, Check>> = {
  raft: shape({ message: isRaftMessage }),
  propose: shape({ batches: listOf(isBytes) }),
  hello: shape({
    storeId: isString,
    incarnation: isCount,
    sentAtMs: optional(isNumber),
    fresh: isBoolean,
    config: either(isNull, isConfig),
    state: oneOf('joining', 'serving', 'draining', 'isolated'),
    clients: isCount,
    load: isNumber,
    urls: listOf(isString),
    semantics: isCount,
    appliedIndex: isCount,
    digest: either(isNull, shape({ index: isCount, value: isString })),
    outboxItems: optional(isCount),
    known: listOf(shape({ id: isString, storeId: isString, fresh: isBoolean })),
  }),
  admin: shape({ request: isCount, action: isAdminAction }),
  adminAnswer: shape({
    request: isCount,
    outcome: shape({
      accepted: isBoolean,
      reason: isString,
      later: optional(isBoolean),
      survey: optional(recordOf(shape({ lagEntries: isNumber, silentMs: isNumber }))),
    }),
  }),
  interest: shape({ full: isBoolean, version: isCount, add: listOf(isString), remove: listOf(isString) }),
  live: shape({
    storeId: optional(isString),
    incarnation: optional(isCount),
    sentAtMs: optional(isNumber),
    messages: listOf(isMessage),
    direct: listOf(shape({ client: isString, message: isMessage })),
  }),
};

const isPeerMessage = variants('type', {
  ...directMessages,
  // One hop only: what is relayed is never itself a relay.
  relay: shape({
    from: isString,
    to: isString,
    channel: oneOf('raft', 'log', 'live'),
    message: variants('type', directMessages),
  }),
});

/**
 * Whether a decoded frame's body is what its sender must have meant: plain data with all fields of their
 * types.
 */
export function isPeerMessageList(value: unknown): value is PeerMessage[] {
  return Array.isArray(value) && value.every(isPeerMessage);
}
