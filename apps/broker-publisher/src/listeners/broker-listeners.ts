import { ConfigError } from '@mqtt-cluster/contracts';
import type { ListenerOptions } from '@mqtt-cluster/broker';
import { readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from './client-listeners.ts';
import { parseListenerTls, tlsPaths, usesTls } from './listener-tls.ts';

/**
 * Returns the options of all client listeners.
 *
 * @param addressOf returns the address to bind for a setting `host`
 * @throws ConfigError with the path of a file that cannot be used
 */
export async function brokerListeners(
  config: ApplianceConfig,
  addressOf: (host: string) => Promise<string>,
): Promise<ListenerOptions[]> {
  const listeners: ListenerOptions[] = [];
  for (const listener of clientListeners(config)) {
    const { name, kind, port, path, origins, proxy, setting } = listener;
    const host = await addressOf(listener.host);
    const options = { name, kind, host, port, path, origins, proxy };
    if (!usesTls(listener)) listeners.push(options);
    else {
      const files = tlsPaths(listener).map((file) => ({ path: file, text: readPem(file) }));
      try {
        listeners.push({ ...options, tls: parseListenerTls(listener, files) });
      } catch (cause) {
        throw new ConfigError(`${setting}.tls: ${(cause as Error).message}`, { cause });
      }
    }
  }
  return listeners;
}
