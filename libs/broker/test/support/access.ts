import type { AccessDecisions, Authenticator, Credentials, Identity, Role } from '@mqtt-cluster/contracts';

/** Accepts the clients for which the check returns true, with their user names as users. */
export function authenticatorOf(
  check: (credentials: Credentials) => boolean | Promise<boolean>,
  more: {
    readonly groups?: readonly string[];
    readonly expiresAtMs?: number;
    readonly roleOf?: (credentials: Credentials) => Role | undefined;
  } = {},
): Authenticator {
  return {
    async authenticate(credentials) {
      if (!(await check(credentials))) return { accepted: false, reason: 'credentials' };
      const { client, address, listener, userName } = credentials;
      const identity: Identity = {
        source: 'passwordFile',
        ...(userName !== undefined && { user: userName }),
        groups: more.groups ?? [],
        client,
        address,
        listener,
      };
      const { expiresAtMs } = more;
      const role = more.roleOf?.(credentials);
      return {
        accepted: true,
        subject: { identity, ...(role && { role }), ...(expiresAtMs !== undefined && { expiresAtMs }) },
      };
    },
  };
}

/** Decisions that permit everything that the test does not restrict. */
export function decisions(restrictions: Partial<AccessDecisions>): AccessDecisions {
  return {
    version: 1,
    isValid: () => true,
    mayPublish: () => true,
    grantsWill: () => false,
    grantedQos: (_subject, _filter, qos) => qos,
    mayReceive: () => true,
    ...restrictions,
  };
}
