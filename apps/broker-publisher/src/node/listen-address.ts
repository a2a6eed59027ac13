import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Logger } from '@mqtt-cluster/contracts';
import { allAddresses } from '../config.ts';

/** The wildcard address of IPv6. A Node server at this address also accepts IPv4 connections. */
const wildcardV6 = '::';
const wildcardV4 = '0.0.0.0';

/**
 * Returns the address that the listeners of this member bind for the setting `host`: the setting itself, or
 * for the default all IPv6 and IPv4 addresses. On a host without IPv6 these are the IPv4 addresses; a log
 * line reports that.
 *
 * @param isUsable returns null if a listener can be bound at the address, else the reason
 */
export async function listenAddress(
  host: string,
  logger: Logger,
  isUsable: (address: string) => Promise<string | null> = bindFault,
): Promise<string> {
  if (host !== allAddresses) return host;
  const reason = await isUsable(wildcardV6);
  if (reason === null) return wildcardV6;
  logger.info({ reason }, 'this host has no IPv6: the member listens on all IPv4 addresses only');
  return wildcardV4;
}

/** Tries to bind any free port of the address. */
async function bindFault(address: string): Promise<string | null> {
  const server = createServer().listen({ host: address, port: 0 });
  try {
    await once(server, 'listening');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  server.close();
  await once(server, 'close');
  return null;
}
