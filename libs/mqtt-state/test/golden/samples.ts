import type {
  AccessRule,
  AccessUser,
  Command,
  ConnectionAccess,
  Message,
  MessageProperties,
  PublishCommand,
  Will,
} from '@mqtt-cluster/contracts';
import type { Complete } from '@mqtt-cluster/contracts/testing';

const properties: Complete<MessageProperties> = {
  payloadFormatIndicator: true,
  messageExpiryInterval: 3_600,
  contentType: 'text/plain',
  responseTopic: 'plant/answers',
  correlationData: new Uint8Array([9, 8, 7]),
  userProperties: [
    ['unit', 'bar'],
    ['unit', 'psi'],
  ],
};

const message: Complete<Message> = {
  topic: 'plant/ünit/1',
  payload: new Uint8Array([0, 1, 127, 128, 255]),
  qos: 2,
  retain: true,
  properties,
  publisher: 'client-1',
  expiresAt: 1_700_000_000_123,
};

const shortMessage: Message = { topic: 't', payload: new Uint8Array(), qos: 1, retain: false };

const will: Complete<Will> = {
  topic: 'plant/state',
  payload: new Uint8Array([0x6f, 0x66, 0x66]),
  qos: 1,
  retain: true,
  properties,
  delaySeconds: 30,
};

const publish: Complete<PublishCommand> = {
  kind: 'publish',
  message,
  client: 'client-1',
  epoch: 300,
  packetId: 65_535,
  isolatedSince: 5_000_000_000,
};

const access: Complete<ConnectionAccess> = {
  source: 'jwt',
  user: 'jürgen',
  groups: ['plant', 'operators'],
  address: '2001:db8::7',
  listener: 'outside',
  willGranted: true,
  expiresAt: 1_900_000_000,
};

const user: Complete<AccessUser> = {
  name: 'jürgen',
  passwordHash: '$scrypt$ln=14,r=8,p=1$c2FsdA$aGFzaA',
  groups: ['plant', 'operators'],
  role: 'admin',
  disabled: true,
};

const rule: Complete<AccessRule> = {
  effect: 'allow',
  actions: ['publish', 'subscribe'],
  topics: ['plant/%u/#', 'clients/%c/+'],
  users: ['jürgen'],
  anonymous: false,
  groups: ['plant'],
  clients: ['c-1', 'c-2'],
  addresses: ['10.0.0.0/8', '2001:db8::/32'],
  listeners: ['outside'],
  qosMax: 1,
  retain: false,
};

/** One command of every kind with every optional field. */
const complete: { readonly [Kind in Command['kind']]: Complete<Extract<Command, { kind: Kind }>> } = {
  start: { kind: 'start', semantics: 2, outboxIncarnations: [1, 2, 200] },
  open: {
    kind: 'open',
    client: 'client-1',
    clean: true,
    expirySeconds: 0xffffffff,
    receiveMaximum: 65_535,
    will,
    adopt: true,
    access,
    noReport: true,
  },
  close: { kind: 'close', client: 'client-1', epoch: 300, graceful: true, expirySeconds: 0 },
  subscribe: {
    kind: 'subscribe',
    client: 'client-1',
    epoch: 300,
    subscriptions: [
      {
        filter: '$share/group/plant/#',
        qos: 2,
        noLocal: true,
        retainAsPublished: true,
        retainHandling: 2,
        subscriptionIdentifier: 268_435_455,
      },
    ],
  },
  unsubscribe: { kind: 'unsubscribe', client: 'client-1', epoch: 300, filters: ['plant/#', '+/ünit'] },
  publish,
  release: { kind: 'release', client: 'client-1', epoch: 300, packetId: 7 },
  progress: {
    kind: 'progress',
    sessions: [
      {
        client: 'client-1',
        epoch: 300,
        done: [1, 3, 128],
        received: [32_768],
        completed: [32_769, 65_535],
        sentBelow: 129,
      },
    ],
  },
  recover: { kind: 'recover', incarnation: 1, sequence: 12, publishes: [publish] },
  lost: { kind: 'lost', member: 'm2', incarnation: 4, epochMax: 299 },
  time: { kind: 'time' },
  settings: {
    kind: 'settings',
    settings: {
      queuedMessagesMax: 1,
      queuedBytesMax: 2,
      connectedQueuedMessagesMax: 3,
      connectedQueuedBytesMax: 4,
      queueFull: 'refuse',
      sessionsMax: 5,
      clusterQueuedBytesMax: 6,
      incomingMax: 7,
      sessionExpirySecondsMax: 8,
      orphanGraceMs: 9,
      retainedMax: 10.5,
      clusterQueueMemoryMax: 11,
      connectedQueueReserve: 12,
      retainedBytesMax: 13,
      userRetainedBytesMax: 14,
      sessionSubscriptionsMax: 15,
      sessionSubscriptionBytesMax: 16,
      subscriptionBytesMax: 17,
      sessionWillBytesMax: 18,
      willBytesMax: 19,
      userSessionsMax: 20,
      userQueueMemoryMax: 21,
    },
  },
  semantics: { kind: 'semantics', version: 2 },
  access: { kind: 'access', users: [user], removed: ['ada', 'bob'], rules: [rule] },
  revoke: { kind: 'revoke', user: 'jürgen', source: 'certificate', client: 'client-1' },
};

/** The same kinds without optional fields, and the values that a field can have besides. */
const short: Readonly<Record<string, readonly Command[]>> = {
  'open without optional fields': [
    { kind: 'open', client: 'c', clean: false, expirySeconds: 0, receiveMaximum: 1 },
    {
      ...complete.open,
      clean: false,
      will: { topic: 't', payload: new Uint8Array(), qos: 0, retain: false, delaySeconds: 0 },
    },
  ],
  'close without optional fields': [{ kind: 'close', client: 'c', epoch: 1, graceful: false }],
  'subscribe with every value of the options': [
    {
      kind: 'subscribe',
      client: 'c',
      epoch: 1,
      subscriptions: [
        { filter: 'a', qos: 0 },
        { filter: 'b', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
        { filter: 'c', qos: 1, retainHandling: 1 },
      ],
    },
  ],
  'publish without optional fields': [{ kind: 'publish', message: shortMessage }],
  'publish of another publisher than the client': [
    { ...publish, message: { ...message, publisher: 'client-2', properties: {} } },
    { kind: 'publish', client: 'c', message: { ...shortMessage, qos: 0, retain: true, publisher: 'c' } },
    {
      kind: 'publish',
      epoch: 1,
      message: { ...shortMessage, properties: { payloadFormatIndicator: false }, expiresAt: 0 },
    },
  ],
  'publish with a long topic and a long payload': [
    {
      kind: 'publish',
      message: { ...shortMessage, topic: 'a/'.repeat(80), payload: new Uint8Array(300).fill(90) },
    },
  ],
  'progress with one list for each session': [
    {
      kind: 'progress',
      sessions: [
        { client: 'a', epoch: 1, done: [] },
        { client: 'b', epoch: 2, received: [40_000] },
        { client: 'c', epoch: 3, completed: [40_001] },
        { client: 'd', epoch: 4 },
        { client: 'e', epoch: 5, sentBelow: 1 },
      ],
    },
  ],
  'recover without messages': [{ kind: 'recover', incarnation: 1, sequence: 1, publishes: [] }],
  'lost without an epoch': [{ kind: 'lost', member: 'm2', incarnation: 4 }],
  'open of users that were authenticated in other ways': (
    ['anonymous', 'cluster', 'passwordFile', 'certificate'] as const
  ).map((source) => ({
    kind: 'open',
    client: 'c',
    clean: false,
    expirySeconds: 0,
    receiveMaximum: 1,
    access: { source, address: '', listener: '', ...(source === 'cluster' && { willGranted: false }) },
  })),
  'access with one field': [
    {
      kind: 'access',
      users: [
        { name: 'a', passwordHash: '', groups: [] },
        { name: 'b', passwordHash: '', groups: [], role: 'viewer', disabled: false },
        { name: 'c', passwordHash: '', groups: ['g'], role: 'operator' },
      ],
    },
    { kind: 'access', removed: ['a'] },
    { kind: 'access', rules: [] },
    {
      kind: 'access',
      rules: [
        { effect: 'deny', actions: ['publish'], topics: ['#'] },
        { effect: 'allow', actions: ['subscribe'], topics: ['a', 'b/+'], qosMax: 0, retain: true },
        {
          effect: 'deny',
          actions: ['subscribe'],
          topics: ['#'],
          anonymous: true,
          listeners: ['l'],
          qosMax: 2,
        },
      ],
    },
    { kind: 'access' },
  ],
  'revoke without optional fields': [{ kind: 'revoke', user: 'u' }],
  'settings with one field': [
    { kind: 'settings', settings: { queueFull: 'drop-oldest' } },
    { kind: 'settings', settings: { retainedMax: 0 } },
    { kind: 'settings', settings: {} },
  ],
};

/**
 * Commands by name, each list for one batch. The type check fails if a kind or a field has no
 * sample.
 */
export const commandSamples: ReadonlyMap<string, readonly Command[]> = new Map<string, readonly Command[]>([
  ...Object.entries(complete).map(([kind, command]): [string, readonly Command[]] => [kind, [command]]),
  ...Object.entries(short),
]);

/** Messages as an outbox item holds them. */
export const publishSamples: ReadonlyMap<string, readonly PublishCommand[]> = new Map([
  ['every field', [publish]],
  ['no optional field', [{ kind: 'publish', message: shortMessage }]],
  ['no message', []],
]);
