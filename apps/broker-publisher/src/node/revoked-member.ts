import { ConfigError } from '@mqtt-cluster/contracts';
import type { LinkState, MemberId } from '@mqtt-cluster/contracts';

export interface RevokedMemberComponents {
  readonly self: MemberId;
  /** The other members. */
  readonly peers: readonly MemberId[];
  readonly onFatal: (error: unknown) => void;
}

/**
 * Ends this member when most of its peers refuse its certificate as revoked: an operator has removed or replaced the member.
 * No peer sends it messages any more, so it cannot learn of its removal from the cluster, and clients that it served would be
 * cut off from the cluster.
 */
export class RevokedMember {
  readonly #components: RevokedMemberComponents;
  readonly #refusedBy = new Set<MemberId>();

  constructor(components: RevokedMemberComponents) {
    this.#components = components;
  }

  onRevoked(peer: MemberId): void {
    const { self, peers, onFatal } = this.#components;
    this.#refusedBy.add(peer);
    if (this.#refusedBy.size * 2 <= peers.length) return;
    const names = [...this.#refusedBy].sort().join(', ');
    onFatal(
      new ConfigError(
        `tls.cert: the certificate of ${self} is revoked: its peers ${names} refuse it, because the member was removed from the ` +
          'cluster or replaced. To add it again, issue a new key and certificate (certificates.yml), then start it',
      ),
    );
  }

  onLink(peer: MemberId, state: LinkState): void {
    if (state === 'up') this.#refusedBy.delete(peer);
  }
}
