import { checkRules } from '@mqtt-cluster/access';
import { RulesError } from '@mqtt-cluster/contracts';
import type { AccessChange, AccessTable, AdminOutcome } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { AdminResponse } from '../admin-command-handler.ts';

export interface RuleAdministrationComponents {
  readonly table: () => AccessTable;
  /** Proposes a change and waits until this member has applied it. */
  readonly change: (change: AccessChange) => Promise<AdminOutcome>;
}

interface RuleList {
  readonly version: number;
  readonly rules: AccessTable['rules'];
}

/** Reads and replaces the rules of the cluster. */
export class RuleAdministration {
  readonly #components: RuleAdministrationComponents;

  constructor(components: RuleAdministrationComponents) {
    this.#components = components;
  }

  /** Returns the rules of the cluster in the order in which they decide. */
  list(): RuleList {
    const { version, rules } = this.#components.table();
    return { version, rules };
  }

  /** Replaces all rules. Nothing changes if one of them is invalid. @param given `{ rules: [...] }` */
  async replace(given: unknown): Promise<AdminResponse> {
    const body = z.strictObject({ rules: z.unknown() }).safeParse(given);
    if (!body.success) return { code: 400, body: { error: 'the body must be {"rules": [...]}' } };
    try {
      const rules = checkRules(body.data.rules);
      const { accepted, reason, later = false } = await this.#components.change({ rules });
      if (accepted) return { code: 200, body: { ok: true, text: rulesInForce(rules.length) } };
      return { code: 409, body: later ? { error: reason, later } : { error: reason } };
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      return { code: 400, body: { error: error.message } };
    }
  }
}

function rulesInForce(count: number): string {
  if (count === 0) return 'the cluster has no rules now';
  return `${count} ${count === 1 ? 'rule is' : 'rules are'} in force`;
}
