import type { ListenerOptions, ListenerTls } from '@mqtt-cluster/broker';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from './client-listeners.ts';
import { usesTls } from './listener-tls.ts';

interface BrokerListenerSources {
  /** Returns the address to bind for a setting `host`. */
  addressOf(host: string): Promise<string>;
  /** Returns the key and the certificates of a listener. */
  tlsOf(name: string): ListenerTls;
}

/** Returns the options of all client listeners. */
export async function brokerListeners(
  config: ApplianceConfig,
  { addressOf, tlsOf }: BrokerListenerSources,
): Promise<ListenerOptions[]> {
  const listeners: ListenerOptions[] = [];
  for (const listener of clientListeners(config)) {
    const { name, kind, port, path, origins, proxy } = listener;
    const options = { name, kind, host: await addressOf(listener.host), port, path, origins, proxy };
    listeners.push(usesTls(listener) ? { ...options, tls: tlsOf(name) } : options);
  }
  return listeners;
}
