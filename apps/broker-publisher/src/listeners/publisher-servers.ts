import type { ApplianceConfig } from '../config.ts';
import { kindOfUrl, ownUrl } from './client-listeners.ts';

/**
 * Returns the servers of a publisher with a user or a certificate of its own: the URLs of the setting `urls` with the kind of
 * `publisher.listenerKind`, else this member. Returns null if this member has no listener of this kind.
 */
export function publisherServers(config: ApplianceConfig): {
  readonly servers: readonly { readonly id: string; readonly url: string }[];
  readonly preferred: string;
} | null {
  const { listenerKind: kind } = config.publisher;
  const isUsable = (url: string): boolean => kindOfUrl(url) === kind;
  const servers = [...config.urls].flatMap(([id, urls]) => urls.filter(isUsable).map((url) => ({ id, url })));
  const preferred = config.urls.get(config.id)?.find(isUsable) ?? ownUrl(config, kind) ?? servers[0]?.url;
  if (preferred === undefined) return null;
  return { servers: servers.length > 0 ? servers : [{ id: config.id, url: preferred }], preferred };
}
