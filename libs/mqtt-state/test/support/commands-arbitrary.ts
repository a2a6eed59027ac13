import type {
  Command,
  ConnectionAccess,
  Message,
  PublishCommand,
  Subscription,
} from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { bytes } from './state-driver.ts';

/**
 * One random step. The epochs of its commands are looked up when the step runs, because they depend on the
 * earlier steps.
 */
export type Step =
  | { readonly kind: 'commands'; readonly member: string; readonly commands: readonly StepCommand[] }
  | { readonly kind: 'restart'; readonly member: string; readonly keeps: boolean }
  | { readonly kind: 'repeat'; readonly member: string; readonly ahead: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'config'; readonly members: readonly string[] }
  /** Sets the bound of the cluster's queues to what they hold, so that the next message displaces others. */
  | { readonly kind: 'bound' }
  | { readonly kind: 'decode' };

type WithEpoch<T> = T extends { readonly epoch: number } ? Omit<T, 'epoch'> & { readonly old: boolean } : T;

export type StepCommand =
  | WithEpoch<Extract<Command, { kind: 'close' | 'subscribe' | 'unsubscribe' | 'release' }>>
  | Extract<Command, { kind: 'open' | 'lost' | 'settings' | 'recover' | 'time' | 'access' | 'revoke' }>
  | (Omit<PublishCommand, 'epoch' | 'client'> & { readonly client: string; readonly old: boolean })
  | {
      readonly kind: 'progress';
      readonly client: string;
      readonly old: boolean;
      readonly take: number;
      readonly what: number;
    };

export const members = ['a', 'b', 'c'];
const member = fc.constantFrom(...members);
const client = fc.constantFrom('one', 'two', 'three', '__proto__');
const old = fc.integer({ min: 0, max: 9 }).map((value) => value === 0);
export const topics = ['t', 't/u', 'constructor', '$x'];
const topic = fc.constantFrom(...topics);
const filter = fc.constantFrom('t', 't/#', '+', '#', '$share/g/t', '$share/h/#', '$share/g/+/u', 'a#');
const qos = fc.constantFrom(0, 1, 2, 2) as fc.Arbitrary<0 | 1 | 2>;
const payload = fc.constantFrom('', 'x', 'some more bytes').map(bytes);

const properties = fc.option(fc.record({ messageExpiryInterval: fc.integer({ min: 0, max: 20 }) }), {
  nil: undefined,
});

const message: fc.Arbitrary<Message> = fc
  .record({ topic, payload, qos, retain: fc.boolean(), properties })
  .map(({ properties: given, ...rest }) => ({ ...rest, ...(given && { properties: given }) }));

const publish = fc
  .record({
    message,
    client,
    old,
    packetId: fc.integer({ min: 1, max: 4 }),
    isolatedSince: fc.option(fc.nat(60), { nil: undefined }),
  })
  .map(({ isolatedSince, ...rest }) => ({
    kind: 'publish' as const,
    ...rest,
    ...(isolatedSince !== undefined && rest.message.qos < 2 ? { isolatedSince } : {}),
  }));

const subscription: fc.Arbitrary<Subscription> = fc
  .record({
    filter,
    qos,
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    identifier: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  })
  .map(({ identifier, ...rest }) => ({
    ...rest,
    ...(identifier !== undefined && { subscriptionIdentifier: identifier }),
  }));

const will = fc.option(
  fc.record({ topic, payload, qos, retain: fc.boolean(), delaySeconds: fc.constantFrom(0, 3, 30) }),
  { nil: undefined },
);

const user = fc.constantFrom('ada', 'bob', '__proto__');
const access: fc.Arbitrary<ConnectionAccess | undefined> = fc.option(
  fc
    .record({
      source: fc.constantFrom('anonymous' as const, 'cluster' as const, 'cluster' as const, 'jwt' as const),
      user,
      willGranted: fc.boolean(),
    })
    .map(({ source, user: name, willGranted }) => ({
      source,
      ...(source !== 'anonymous' && { user: name }),
      ...(source === 'jwt' && { groups: ['plant'], willGranted }),
      address: '10.0.0.1',
      listener: 'default',
    })),
  { nil: undefined },
);

const accessChange = fc
  .record(
    {
      users: fc.array(
        fc
          .record({ name: user, disabled: old, inPlant: fc.boolean() })
          .map(({ name, disabled, inPlant }) => ({
            name,
            passwordHash: 'hash',
            groups: inPlant ? ['plant'] : [],
            ...(disabled && { disabled }),
          })),
        { maxLength: 3 },
      ),
      removed: fc.array(user, { maxLength: 1 }),
      rules: fc.array(
        fc.record({
          effect: fc.constantFrom('allow' as const, 'deny' as const),
          actions: fc.constant(['publish' as const]),
          topics: fc.array(filter, { minLength: 1, maxLength: 2 }),
          groups: fc.constant(['plant']),
        }),
        { maxLength: 2 },
      ),
    },
    { requiredKeys: [] },
  )
  .map((change) => ({ kind: 'access' as const, ...change }));

const revoke = fc.record({ kind: fc.constant('revoke' as const), user }, { requiredKeys: ['kind', 'user'] });

const open = fc
  .record({
    client,
    clean: fc.boolean(),
    expirySeconds: fc.constantFrom(0, 5, 60, 0xffffffff),
    receiveMaximum: fc.constantFrom(1, 2, 200),
    will,
    adopt: old,
    access,
  })
  .map(({ will: given, adopt, access: by, ...rest }) => ({
    kind: 'open' as const,
    ...rest,
    ...(given && { will: given }),
    ...(adopt && { adopt: true }),
    ...(by && { access: by }),
  }));

const settings = fc
  .record(
    {
      queuedMessagesMax: fc.integer({ min: 0, max: 6 }),
      queuedBytesMax: fc.constantFrom(5, 40, 1_000),
      connectedQueuedMessagesMax: fc.integer({ min: 0, max: 9 }),
      connectedQueuedBytesMax: fc.constantFrom(5, 60, 1_000),
      queueFull: fc.constantFrom('drop-oldest' as const, 'refuse' as const),
      clusterQueuedBytesMax: fc.constantFrom(30, 200, 10_000),
      sessionsMax: fc.integer({ min: 1, max: 4 }),
      retainedMax: fc.integer({ min: 0, max: 4 }),
      incomingMax: fc.integer({ min: 1, max: 3 }),
      orphanGraceMs: fc.constantFrom(0, 2_000),
      clusterQueueMemoryMax: fc.constantFrom(600, 3_000, 1_000_000),
      connectedQueueReserve: fc.constantFrom(1, 1_000, 10_000),
      retainedBytesMax: fc.constantFrom(600, 1_200, 100_000),
      userRetainedBytesMax: fc.constantFrom(1_000, 100_000),
      sessionSubscriptionsMax: fc.integer({ min: 1, max: 6 }),
      sessionSubscriptionBytesMax: fc.constantFrom(1_000, 3_000, 100_000),
      subscriptionBytesMax: fc.constantFrom(1_000, 4_000, 100_000),
      sessionWillBytesMax: fc.constantFrom(500, 10_000),
      willBytesMax: fc.constantFrom(800, 2_000, 100_000),
      userQueueMemoryMax: fc.constantFrom(600, 2_000, 1_000_000),
      userSessionsMax: fc.integer({ min: 1, max: 3 }),
    },
    { requiredKeys: [] },
  )
  .map((changed) => ({ kind: 'settings' as const, settings: changed }));

const close = fc
  .record({
    client,
    // The report about a connection that was taken over follows often.
    old: fc.nat(2).map((value) => value === 0),
    graceful: fc.boolean(),
    expirySeconds: fc.constantFrom(undefined, undefined, 0, 3),
  })
  .map(({ expirySeconds, ...rest }) => ({
    kind: 'close' as const,
    ...rest,
    ...(expirySeconds !== undefined && { expirySeconds }),
  }));

const command: fc.Arbitrary<StepCommand> = fc.oneof(
  { weight: 8, arbitrary: publish },
  { weight: 5, arbitrary: open },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('progress' as const),
      client,
      old,
      take: fc.nat(5),
      what: fc.nat(2),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      client,
      old,
      subscriptions: fc.array(subscription, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: close,
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('unsubscribe' as const),
      client,
      old,
      filters: fc.array(filter, { maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      client,
      old,
      packetId: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lost' as const),
      member,
      incarnation: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: settings },
  { weight: 2, arbitrary: accessChange },
  { weight: 1, arbitrary: revoke },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('recover' as const),
      incarnation: fc.integer({ min: 1, max: 3 }),
      sequence: fc.integer({ min: 1, max: 5 }),
      publishes: fc.array(
        message.map((value) => ({ kind: 'publish' as const, message: value })),
        { maxLength: 2 },
      ),
    }),
  },
);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        kind: fc.constant('commands' as const),
        member,
        commands: fc.array(command, { minLength: 1, maxLength: 5 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('restart' as const), member, keeps: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), member, ahead: fc.nat(2) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        ms: fc.constantFrom(0, 1, 2_000, 5_000, 60_000),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('config' as const),
        members: fc.subarray(members, { minLength: 1 }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'bound' as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'decode' as const }) },
  ),
  { maxLength: 60, size: 'max' },
);
