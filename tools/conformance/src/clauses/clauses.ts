import type { Clause, Note, Version } from './clause.ts';
import { mqtt311 } from './mqtt-3.1.1.ts';
import { mqtt50 } from './mqtt-5.0.ts';
import { notes311 } from './notes-3.1.1.ts';
import { notes50 } from './notes-5.0.ts';

/** All normative statements of each version, in the order of Appendix B. */
export const clauses: Readonly<Record<Version, readonly Clause[]>> = { '3.1.1': mqtt311, '5.0': mqtt50 };

/** Notes by the identifier of their clause. */
export const notes: Readonly<Record<Version, Readonly<Record<string, Note>>>> = {
  '3.1.1': notes311,
  '5.0': notes50,
};

/** Returns whether a test, or a stated reason, is required for the clause. */
export function bindsServer({ concerns }: Clause): boolean {
  return concerns === 'server' || concerns === 'both';
}
