import type { Rule } from './rule.ts';

/**
 * No member ends by itself or finds that its state differs from the state of its peers, and all clients are served
 * again after the heal.
 */
export const crash: Rule = {
  name: 'crash',
  promise: 'P9',
  clause: 'a member ends only when it is stopped or killed',
  check: ({ tables }, report) => {
    report.checked(tables.header.servers.length);
    for (const text of tables.crashes) report.violate(() => text);
  },
};
