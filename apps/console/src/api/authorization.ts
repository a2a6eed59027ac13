import { computed, signal } from '@preact/signals';
import type { Me, Role } from './types.ts';

/** The signed-in user; null without a session; undefined until the member has answered. */
export const me = signal<Me | null | undefined>(undefined);

export const role = computed<Role>(() => me.value?.role ?? 'viewer');

/** The roles from the weakest to the strongest. Each role may do everything that the roles before it may do. */
const order: readonly Role[] = ['viewer', 'operator', 'admin'];

export function includesRole(held: Role, needed: Role): boolean {
  return order.indexOf(held) >= order.indexOf(needed);
}

/** Returns one sentence: which role something needs and which role the user has. */
export function explainRole(held: Role, needed: Role, what: string): string {
  const enough = order.slice(order.indexOf(needed));
  return `To ${what} you need the role ${enough.join(' or ')}. You have the role ${held}.`;
}

/** Called when a member answers that the request is not authorized: the session has ended or was never opened. */
export function signedOut(): void {
  me.value = null;
}
