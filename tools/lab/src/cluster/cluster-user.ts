import type { Role } from '@mqtt-cluster/contracts';
import { waitFor } from '@mqtt-cluster/kit';
import type { MemberPlace } from '../layout.ts';

const addMsMaxDefault = 60_000;
const retryIntervalMs = 500;

interface NewClusterUser {
  readonly name: string;
  readonly password: string;
  /** Absent: the user may not administer the cluster. */
  readonly role?: Role;
}

interface AddUserOptions {
  /** The token of administrators; needed if the member does not trust requests from loopback. */
  readonly token?: string;
  /** Longest time until the member accepts the user, ms; 60 s by default. */
  readonly timeoutMs?: number;
}

/**
 * Adds a user of the cluster, and retries while the member refuses it. Users, and sessions with an owner, need semantics version
 * 4, which a new cluster has soon after all members serve. Clients that need an owner must connect after this call.
 *
 * @throws Error with the last answer of the member when it does not accept the user in time
 */
export async function addClusterUser(
  { host, httpPort }: Pick<MemberPlace, 'host' | 'httpPort'>,
  { name, ...settings }: NewClusterUser,
  { token, timeoutMs = addMsMaxDefault }: AddUserOptions = {},
): Promise<void> {
  await waitFor(
    `the user ${name}`,
    async () => {
      const response = await fetch(`http://${host}:${httpPort}/cluster/users/${encodeURIComponent(name)}`, {
        method: 'PUT',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(settings),
      });
      if (!response.ok) throw new Error(await response.text());
      return true;
    },
    { timeoutMs, intervalMs: retryIntervalMs },
  );
}
