import type { ComponentChildren } from 'preact';
import { explainRole, includesRole, role } from '../api/authorization.ts';
import type { Role } from '../api/types.ts';

/** Shows its children to users with the role, and to others one sentence about the missing role. */
export function Needs({
  role: needed,
  to,
  isQuiet,
  children,
}: {
  role: Role;
  /** What the role permits: `disconnect clients`. */
  to: string;
  /** True: no sentence, because the page has it elsewhere. */
  isQuiet?: boolean;
  children: ComponentChildren;
}) {
  if (includesRole(role.value, needed)) return <>{children}</>;
  if (isQuiet) return null;
  return <p class="note">{explainRole(role.value, needed, to)}</p>;
}
