import { isLoopback } from '@mqtt-cluster/contracts';
import type { Credentials } from '@mqtt-cluster/contracts';
import { httpListenerName } from '../admin/access/admin-access.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners, trustsLoopback } from '../listeners/client-listeners.ts';
import { usesTls } from '../listeners/listener-tls.ts';
import { internalListeners } from './internal-listeners.ts';

/**
 * Decides where a client may present the admin token as its password: over TLS, or from a loopback address that is
 * trusted. A lab accepts it everywhere.
 */
export class AdminTokenTransport {
  readonly #acceptsAll: boolean;
  /**
   * Listeners that accept the token from any address: those with TLS, and those whose connections the HTTP server has
   * checked. `$http` checks the transport of each request. `$console` is among them while loopback addresses are trusted: it
   * admits plain HTTP from this host only.
   */
  readonly #accepting: ReadonlySet<string>;
  /** A header of the PROXY protocol may state any address, so these listeners have no proxy. */
  readonly #loopback: ReadonlySet<string>;

  constructor(config: ApplianceConfig) {
    const listeners = clientListeners(config);
    const withTls = listeners.filter(usesTls).map(({ name }) => name);
    this.#acceptsAll = config.lab;
    const trusts = trustsLoopback(config);
    this.#accepting = new Set([httpListenerName, ...(trusts ? [internalListeners.console] : []), ...withTls]);
    const direct = listeners.filter(({ proxy }) => proxy.length === 0).map(({ name }) => name);
    this.#loopback = new Set(trusts ? direct : []);
  }

  /** @param isEncrypted whether the connection is known to use TLS, whatever its listener */
  permits({ listener, address }: Pick<Credentials, 'listener' | 'address'>, isEncrypted = false): boolean {
    if (this.#acceptsAll || isEncrypted || this.#accepting.has(listener)) return true;
    return this.#loopback.has(listener) && isLoopback(address);
  }
}
