import type { ClientEffect, Member, MemberStatus } from './member.ts';

/** The client-facing inputs of a {@link Member}, by name. */
export type ClientInputs = Pick<
  Member,
  | 'connect'
  | 'disconnect'
  | 'subscribe'
  | 'unsubscribe'
  | 'publish'
  | 'pubrel'
  | 'puback'
  | 'pubrec'
  | 'pubcomp'
  | 'writable'
  | 'publishLocal'
>;

/**
 * The member as its broker sees it. Inputs may be called at any time (also from within an effects handler); the turn
 * that carries them out comes later in the same round of the event loop, so that many inputs share one batch and one sync.
 */
export interface ClientPort extends ClientInputs {
  /** One handler; it gets the effects of each turn in order. */
  onEffects(handler: (effects: readonly ClientEffect[]) => void): void;
  status(): MemberStatus;
}
