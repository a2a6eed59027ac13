import { networkInterfaces } from 'node:os';
import type { Environment } from '../program/environment.ts';
import { UsageError } from '../program/errors.ts';
import { readPassword, tokenOfFile } from './read-secret.ts';

export interface CredentialOptions {
  readonly tokenFile?: string;
  readonly user?: string;
  readonly userPasswordFile?: string;
  /** File with the token if neither an option nor the environment names one; null for no credentials. */
  readonly defaultTokenFile?: string | null;
  /** The server of the member of this host, whose name may not be an address of this host. */
  readonly ownServer?: string;
}

/**
 * Returns the header `authorization`, or null for a request without credentials. A user takes precedence over a token
 * file, and an option over the environment.
 *
 * @param server the only server that gets the credentials
 */
export async function authorizationFor(
  server: string,
  { tokenFile, user, userPasswordFile, defaultTokenFile = null, ownServer }: CredentialOptions,
  environment: Environment,
): Promise<string | null> {
  if (user !== undefined) {
    if (user.includes(':')) throw new UsageError('--user: the name contains a colon, which HTTP cannot send');
    if (server !== ownServer) assertEncrypted(server);
    const asked = { setting: '--user-password-file', name: user, twice: false };
    const password = await readPassword(userPasswordFile, asked);
    return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }
  if (userPasswordFile !== undefined) throw new UsageError('--user-password-file needs --user NAME');
  if (tokenFile !== undefined) return `Bearer ${tokenOfFile(tokenFile, '--token-file')}`;
  const { MQTT_CLUSTER_TOKEN_FILE: file, MQTT_CLUSTER_TOKEN: token } = environment;
  if (file) return `Bearer ${tokenOfFile(file, 'MQTT_CLUSTER_TOKEN_FILE')}`;
  if (token) return `Bearer ${token.trim()}`;
  return defaultTokenFile === null ? null : `Bearer ${tokenOfFile(defaultTokenFile, 'admin.tokenFile')}`;
}

/** Refuses to send a password to another host without TLS. A member would refuse it, after everybody could read it. */
function assertEncrypted(server: string): void {
  const { protocol, hostname } = new URL(server);
  if (protocol === 'https:' || isThisHost(hostname.replace(/^\[|\]$/g, ''))) return;
  throw new UsageError(`--user needs https: ${server} would send the password without encryption`);
}

function isThisHost(host: string): boolean {
  if (host === 'localhost' || host === '::1' || /^127\./.test(host)) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === host));
}
