import type { ClientEffect, Member, MemberStatus } from './member.ts';

/**
 * The member as its broker sees it. The broker may pass inputs at any time, also from within an effects
 * handler. The turn that handles the inputs comes later in the same round of the event loop, so that many
 * inputs share one batch and one sync.
 */
export interface ClientPort extends Pick<Member, 'input' | 'publishLocal'> {
  /** Sets the one handler. It receives the effects of each turn in order. */
  onEffects(handler: (effects: readonly ClientEffect[]) => void): void;
  status(): MemberStatus;
}
