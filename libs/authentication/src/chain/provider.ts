import type { AccessRule, AccessSource, Role } from '@mqtt-cluster/contracts';

/**
 * The answer of a provider to a client. `unknown`: the provider does not know the user, so the next provider of the
 * listener decides. All other answers are final.
 */
export type ProviderAnswer =
  | AcceptedAnswer
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'busy' }
  | { readonly kind: 'unavailable'; readonly reason: string };

export interface AcceptedAnswer {
  readonly kind: 'accepted';
  readonly source: AccessSource;
  readonly user?: string;
  readonly groups: readonly string[];
  readonly rules?: readonly AccessRule[];
  readonly role?: Role;
  readonly expiresAtMs?: number;
  /** The hash that the password matched. */
  readonly hashText?: string;
}

/** The providers that a listener may have. */
export type ProviderName = Exclude<AccessSource, 'anonymous'>;

/** How the clients of one listener are authenticated. */
export interface ListenerAuthentication {
  /** The providers in the order in which they are asked. */
  readonly providers: readonly ProviderName[];
  /** Accepts clients that present neither a user name nor a password. */
  readonly anonymous: boolean;
}
