import { apiActs } from '@mqtt-cluster/api/acts';
import type { ApiAct } from '@mqtt-cluster/api/acts';
import type { Role } from '@mqtt-cluster/contracts';
import { adminPaths } from '../paths.ts';

/** The roles from the weakest to the strongest. Each role may do everything that the roles before it may do. */
const order: readonly Role[] = ['viewer', 'operator', 'admin'];

/** Returns whether a user with the role `held` may do what needs the role `needed`. */
export function includesRole(held: Role, needed: Role): boolean {
  return order.indexOf(held) >= order.indexOf(needed);
}

/**
 * The role that each administrative act needs, on all ways: HTTP, command line and admin topics. An act that is not
 * in this table needs the role `admin`. docs/ADMINISTRATION.md, "Roles", shows the table.
 */
export const roleOfAct: Readonly<Record<string, Role>> = {
  members: 'viewer',
  'settings read': 'viewer',
  settings: 'operator',
  drain: 'operator',
  undrain: 'operator',
  transfer: 'operator',
  add: 'admin',
  remove: 'admin',
  bootstrap: 'admin',
  // A backup contains the password hashes of all users.
  backup: 'admin',
  users: 'admin',
  'rules read': 'viewer',
  rules: 'admin',
  ...rolesOfApi(),
};

/** The roles of the acts of the HTTP API. They agree with the lines above. */
function rolesOfApi(): Record<string, Role> {
  const acts = Object.values<ApiAct>(apiActs);
  return Object.fromEntries(
    acts.flatMap(({ act, role }): [string, Role][] => (act === null || role === null ? [] : [[act, role]])),
  );
}

export function neededRole(act: string): Role {
  return (Object.hasOwn(roleOfAct, act) ? roleOfAct[act] : undefined) ?? 'admin';
}

/** The acts of the paths. A request that reads a page has an act of its own. */
const actOfPost: Readonly<Record<string, string>> = {
  [adminPaths.drainShort]: 'drain',
  [adminPaths.undrainShort]: 'undrain',
  [adminPaths.drain]: 'drain',
  [adminPaths.undrain]: 'undrain',
  [adminPaths.add]: 'add',
  [adminPaths.remove]: 'remove',
  [adminPaths.transfer]: 'transfer',
  [adminPaths.bootstrap]: 'bootstrap',
  [adminPaths.settings]: 'settings',
};
const actOfGet: Readonly<Record<string, string>> = {
  [adminPaths.members]: 'members',
  [adminPaths.settings]: 'settings read',
  [adminPaths.backup]: 'backup',
};

/** Returns the act of a path for one kind of request, or undefined if the path does not serve this kind. */
export function actOf(kind: 'read' | 'write', path: string): string | undefined {
  const acts = kind === 'read' ? actOfGet : actOfPost;
  return Object.hasOwn(acts, path) ? acts[path] : undefined;
}
