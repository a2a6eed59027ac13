import { pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import {
  attackPassword,
  attackPrefix,
  drainTopic,
  foreignTopics,
  operatorUser,
} from '../mqtt/attack-access.ts';
import { invalidJson, jsonWords } from '../mutation/json-texts.ts';
import { randomBytes } from '../mutation/mutate.ts';
import { mutateJson } from '../mutation/mutate-json.ts';
import { textMutation } from '../mutation/mutate-text.ts';

/** A request that a member may carry out, with valid bodies. */
interface Operation {
  readonly method: 'PUT' | 'POST' | 'PATCH';
  readonly path: string;
  /** The token may do everything. The operator obeys the rules for messages. */
  readonly as: 'token' | 'operator';
  readonly bodies: readonly unknown[];
}

export interface BodyRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly body: Buffer;
  /** True if no member may accept the body. */
  readonly isInvalid: boolean;
}

/** The only operation that checks the credentials in the body instead of those in the header. */
export const signInPath = '/api/v1/sign-in';
const user = `${attackPrefix}-user`;
/** A hash of mosquitto_passwd. Checking it costs next to nothing. */
const passwordHash = `$7$101$${Buffer.alloc(12, 1).toString('base64')}$${Buffer.alloc(64, 2).toString('base64')}`;
/**
 * Rules that stay harmless for the witness when a part of them is deleted or replaced: no topic contains `#`, and the topics of
 * the witness have more levels.
 */
const rules = [
  { effect: 'allow', actions: ['publish'], topics: [`${attackPrefix}/x`, `${attackPrefix}/+`], qosMax: 1 },
  { effect: 'allow', actions: ['subscribe'], topics: [`${attackPrefix}/%u`], users: [user], retain: false },
  { effect: 'deny', actions: ['publish'], topics: [`${attackPrefix}/y`], addresses: ['10.0.0.0/8'] },
];

/** Operations with mutated bodies. The witness is not disturbed even if the member accepts the body. */
const operations: readonly Operation[] = [
  {
    method: 'POST',
    path: '/api/v1/publish',
    as: 'operator',
    bodies: [`${attackPrefix}/a`, ...foreignTopics.filter((topic) => topic !== drainTopic)].map((topic) => ({
      topic,
      payload: 'aGFsbG8=',
      encoding: 'base64',
      qos: 1,
      retain: true,
      properties: { messageExpiryInterval: 60, contentType: 'x', userProperties: [['a', 'b']] },
    })),
  },
  {
    method: 'PUT',
    path: `/api/v1/users/${user}`,
    as: 'token',
    bodies: [
      { passwordHash, groups: ['a', 'b'], role: 'viewer', disabled: true },
      { passwordHash, role: null, mode: 'change' },
    ],
  },
  { method: 'PUT', path: `/cluster/users/${user}`, as: 'token', bodies: [{ passwordHash, groups: ['a'] }] },
  { method: 'POST', path: '/api/v1/users', as: 'token', bodies: [{ users: [{ name: user, passwordHash }] }] },
  { method: 'PUT', path: '/api/v1/rules', as: 'token', bodies: [{ rules }, { rules: [] }] },
  { method: 'PUT', path: '/cluster/rules', as: 'token', bodies: [{ rules }, rules] },
  {
    method: 'POST',
    path: signInPath,
    as: 'token',
    bodies: [{ user: operatorUser, password: attackPassword }],
  },
];

/**
 * Requests whose valid bodies would disturb the witness: they change the bounds of queues, end connections, or let the member
 * connect to other hosts. Their bodies are invalid and not mutated, because a mutation could make them valid.
 */
const disturbing: readonly Pick<Operation, 'method' | 'path'>[] = [
  { method: 'PATCH', path: '/api/v1/settings' },
  { method: 'POST', path: '/api/v1/leadership' },
  { method: 'POST', path: '/api/v1/members' },
  { method: 'POST', path: '/api/v1/members/m2/drain' },
  { method: 'POST', path: '/api/v1/clients/disconnect' },
  { method: 'PUT', path: `/api/v1/links/${attackPrefix}` },
];
const nested = 50_000;
const invalidBodies: readonly ((random: Random) => Buffer)[] = [
  () => Buffer.alloc(nested, '['),
  () => Buffer.from(`${'{"a":'.repeat(nested)}1${'}'.repeat(nested)}`),
  // No JSON text begins with this character.
  (random) => Buffer.concat([Buffer.from('}'), randomBytes(random, 50)]),
  (random) => Buffer.from(pick(random, invalidJson)),
];

const change = textMutation(jsonWords);

/** Returns a request that passes the authorization. Its body is invalid, mutated or valid. */
export function makeBodyRequest(random: Random, token: string): BodyRequest {
  if (random() < 0.3) {
    const body = pick(random, invalidBodies)(random);
    return { ...pick(random, disturbing), authorization: `Bearer ${token}`, body, isInvalid: true };
  }
  const { as, bodies, ...target } = pick(random, operations);
  const body = pick(random, bodies);
  const valid = Buffer.from(JSON.stringify(body));
  const basic = Buffer.from(`${operatorUser}:${attackPassword}`).toString('base64');
  return {
    ...target,
    authorization: as === 'token' ? `Bearer ${token}` : `Basic ${basic}`,
    body: random() < 0.4 ? change(random, valid) : Buffer.from(JSON.stringify(mutateJson(random, body))),
    isInvalid: false,
  };
}
