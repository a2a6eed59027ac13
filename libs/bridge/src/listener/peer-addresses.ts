import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkOf } from '@mqtt-cluster/contracts';
import type { MemberId } from '@mqtt-cluster/contracts';
import { peerAddressIntervalMs } from '../bounds.ts';
import type { BridgePeer } from '../options.ts';

/**
 * The networks from which peers connect: the configured addresses, those of configured host names, and the
 * addresses from which peers have been authenticated. A failed look-up keeps the former addresses.
 */
export class PeerAddresses {
  readonly #peers: readonly BridgePeer[];
  readonly #configured = new Map<MemberId, readonly string[]>();
  /** The last network from which each peer was authenticated. A peer may have several addresses. */
  readonly #learned = new Map<MemberId, string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(peers: readonly BridgePeer[]) {
    this.#peers = peers;
    for (const { id, host } of peers) if (isIP(host) !== 0) this.#configured.set(id, [networkOf(host)]);
  }

  start(): void {
    if (this.#peers.every(({ host }) => isIP(host) !== 0)) return;
    void this.#resolve();
    this.#timer = setInterval(() => void this.#resolve(), peerAddressIntervalMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  learn(peer: MemberId, address: string): void {
    this.#learned.set(peer, networkOf(address));
  }

  includes(network: string): boolean {
    for (const networks of this.#configured.values()) if (networks.includes(network)) return true;
    for (const learned of this.#learned.values()) if (learned === network) return true;
    return false;
  }

  async #resolve(): Promise<void> {
    for (const { id, host } of this.#peers) {
      if (isIP(host) !== 0) continue;
      try {
        const addresses = await lookup(host, { all: true });
        this.#configured.set(
          id,
          addresses.map(({ address }) => networkOf(address)),
        );
      } catch {
        // The peer may be off together with its name. It then competes with strangers for a place.
      }
    }
  }
}
