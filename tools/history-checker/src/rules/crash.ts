import type { Rule } from './rule.ts';

/**
 * No member ends by itself, whatever is done to it or sent to it, nor finds that its state differs from its peers'; and
 * after the heal everybody is served again.
 */
export const crash: Rule = {
  name: 'crash',
  promise: 'P9',
  clause: 'a member ends only when it is told to or killed',
  check: ({ tables }, report) => {
    report.checked(tables.header.servers.length);
    for (const text of tables.crashes) report.violate(() => text);
  },
};
