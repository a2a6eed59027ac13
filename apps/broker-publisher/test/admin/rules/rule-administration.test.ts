import type { AccessChange, AccessRule, AdminOutcome } from '@mqtt-cluster/contracts';
import { RuleAdministration } from '../../../src/admin/rules/rule-administration.ts';

const rule: AccessRule = { effect: 'allow', actions: ['publish'], topics: ['a/#'], users: ['ann'] };

describe('the administration of rules', () => {
  let rules: readonly AccessRule[] = [];
  let outcome: AdminOutcome = { accepted: true, reason: '' };
  const administration = new RuleAdministration({
    table: () => ({ version: 7, users: new Map(), rules }),
    change: async (change: AccessChange) => {
      if (outcome.accepted) rules = change.rules ?? rules;
      return outcome;
    },
  });

  beforeEach(() => {
    rules = [rule];
    outcome = { accepted: true, reason: '' };
  });

  it('lists the rules with their version', () => {
    expect(administration.list()).toEqual({ version: 7, rules: [rule] });
  });

  it('replaces all rules', async () => {
    const changed = [{ ...rule, effect: 'deny' as const }, rule];
    await expect(administration.replace({ rules: changed })).resolves.toEqual({
      code: 200,
      body: { ok: true, text: '2 rules are in force' },
    });
    expect(rules).toEqual(changed);
    await administration.replace({ rules: [] });
    expect(rules).toEqual([]);
  });

  it.each([
    [[rule], 'the body must be {"rules": [...]}'],
    [{ rules: rule }, 'the rules must be a JSON array'],
    [{ rules: [rule, { ...rule, topics: ['a/#/b'] }] }, 'rule 2: topics.0 ("a/#/b")'],
  ])('refuses %j with the rule and the field, and keeps the old rules', async (given, error) => {
    const response = await administration.replace(given);
    expect(response.code).toBe(400);
    expect(response.body['error']).toContain(error);
    expect(rules).toEqual([rule]);
  });

  it('reports a refusal of the cluster', async () => {
    outcome = { accepted: false, reason: 'no leader is known', later: true };
    await expect(administration.replace({ rules: [] })).resolves.toEqual({
      code: 409,
      body: { error: 'no leader is known', later: true },
    });
    expect(rules).toEqual([rule]);
  });
});
