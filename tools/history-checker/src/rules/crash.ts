import type { Rule } from './rule.ts';

/**
 * No member exits unexpectedly or detects that its state differs from the state of its peers, and the cluster
 * serves all clients again after the heal.
 */
export const crash: Rule = {
  name: 'crash',
  promise: 'P9',
  clause: 'a member ends only when it is stopped or killed',
  check: ({ tables }, report) => {
    report.checked(tables.header.servers.length);
    for (const text of tables.crashes) report.addViolation(() => text);
  },
};
