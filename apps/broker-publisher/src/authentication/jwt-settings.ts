import { keySetUrlFault, tokenAlgorithms } from '@mqtt-cluster/authentication';
import { z } from 'zod';

const clockToleranceSecondsMax = 300;

/** Settings of the provider `jwt`. */
export const jwtSchema = z
  .object({
    /** File with the public keys of the issuer: a JSON Web Key Set. */
    keysFile: z.string().default(''),
    /** URL of the key set: https, or http on a loopback address. */
    keysUrl: z
      .string()
      .default('')
      .check(({ value, issues }) => {
        const message = value === '' ? null : keySetUrlFault(value);
        if (message !== null) issues.push({ code: 'custom', message, input: value });
      }),
    /** Algorithms of signatures that are accepted. */
    algorithms: z.array(z.enum(tokenAlgorithms)).min(1).default(['RS256']),
    /** Issuer (`iss`) of accepted tokens. Empty: any issuer whose key is in the key set. */
    issuer: z.string().default(''),
    /** Audience (`aud`) of accepted tokens; `*` accepts tokens that were made for any service. */
    audience: z.string().default(''),
    /** Difference of clocks that is tolerated at the start and the expiry of a token, seconds. */
    clockToleranceSeconds: z.int().min(0).max(clockToleranceSecondsMax).default(5),
    /** Claim with the user name. */
    userClaim: z.string().min(1).default('sub'),
    /** Claim with the groups of the user. Empty: the user has no groups. */
    groupsClaim: z.string().default('groups'),
    /** Claim with access rules of the user, which precede all other rules. Empty: tokens have no rules. */
    rulesClaim: z.string().default(''),
    /**
     * Claim with the role of the user for administration. Empty: no user of a token may administer. With a claim, the
     * issuer decides about administrators.
     */
    roleClaim: z.string().default(''),
    /** Whether a user name in CONNECT must equal that of the token. */
    matchUserName: z.boolean().default(true),
  })
  .check(({ value, issues }) => {
    if (value.keysFile === '' || value.keysUrl === '') return;
    issues.push({ code: 'custom', message: 'must not set both keysFile and keysUrl', input: value });
  });
