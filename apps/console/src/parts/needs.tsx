import type { ComponentChildren } from 'preact';
import { explainRole, includesRole, role } from '../api/authorization.ts';
import type { Role } from '../api/types.ts';

/** Shows its children to users with the role, and to others one sentence about the missing role. */
export function Needs({
  role: needed,
  to,
  children,
}: {
  role: Role;
  /** What the role permits: `disconnect clients`. */
  to: string;
  children: ComponentChildren;
}) {
  if (includesRole(role.value, needed)) return <>{children}</>;
  return <p class="note">{explainRole(role.value, needed, to)}</p>;
}
