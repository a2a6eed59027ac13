import { accessRuleSchema, accessRulesMax, roleSchema } from '@mqtt-cluster/contracts';
import type { AccessRule, Role } from '@mqtt-cluster/contracts';
import type { JWTPayload } from 'jose';
import { z } from 'zod';
import { isUserName } from '../user-name.ts';

const groupsMax = 100;
/** The last second of the year 9999. Later expiries count as this one. */
const expirySecondsMax = 253_402_300_799;

/** Names of the claims that describe the user. An absent name: the claim is not read. */
export interface ClaimNames {
  readonly user: string;
  readonly groups?: string;
  readonly rules?: string;
  /** Gives the user a role for administration. Only for issuers that decide about administrators. */
  readonly role?: string;
}

export interface TokenClaims {
  readonly user: string;
  readonly groups: readonly string[];
  readonly rules?: readonly AccessRule[];
  readonly role?: Role;
  /** Expiry, seconds since 1970. */
  readonly expiresAt: number;
}

const name = z.string().refine(isUserName);
const groupsSchema = z.union([z.array(name).max(groupsMax), name.transform((group) => [group])]);
const rulesSchema = z.array(accessRuleSchema).max(accessRulesMax);

/**
 * Returns the claims of a verified token.
 *
 * @throws Error with the name of the first claim that has no valid value
 */
export function readClaims(payload: JWTPayload, names: ClaimNames): TokenClaims {
  const user = claim(payload, names.user, name);
  if (user === undefined) throw new Error(`the claim ${names.user} is missing`);
  const rules = claim(payload, names.rules, rulesSchema) as readonly AccessRule[] | undefined;
  const role = claim(payload, names.role, roleSchema);
  return {
    user,
    groups: claim(payload, names.groups, groupsSchema) ?? [],
    ...(rules !== undefined && { rules }),
    ...(role !== undefined && { role }),
    expiresAt: Math.min(Math.floor(payload.exp!), expirySecondsMax),
  };
}

function claim<Schema extends z.ZodType>(
  payload: JWTPayload,
  claimName: string | undefined,
  schema: Schema,
): z.output<Schema> | undefined {
  if (claimName === undefined || !Object.hasOwn(payload, claimName)) return undefined;
  const result = schema.safeParse(payload[claimName]);
  if (!result.success) throw new Error(`the claim ${claimName} has no valid value`);
  return result.data;
}
