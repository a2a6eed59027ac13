import type { ApplianceConfig } from '../config.ts';
import { kindOfUrl, plainUrl } from './client-listeners.ts';

/**
 * Returns the servers of a publisher with a user of its own: the plain URLs of the setting `urls`, else this member. Returns
 * null if this member serves no plain connections: the publisher has no certificate of an authority to check a server.
 */
export function publisherServers(config: ApplianceConfig): {
  readonly servers: readonly { readonly id: string; readonly url: string }[];
  readonly preferred: string;
} | null {
  const isPlain = (url: string): boolean => kindOfUrl(url) === 'tcp';
  const servers = [...config.urls].flatMap(([id, urls]) => urls.filter(isPlain).map((url) => ({ id, url })));
  const preferred = config.urls.get(config.id)?.find(isPlain) ?? plainUrl(config) ?? servers[0]?.url;
  if (preferred === undefined) return null;
  return { servers: servers.length > 0 ? servers : [{ id: config.id, url: preferred }], preferred };
}
