import { readFileSync } from 'node:fs';
import type { Identity, QoS } from '@mqtt-cluster/contracts';
import { compileRules, parseAclFile, parseRulesFile } from '../src/index.ts';
import type { CompiledRules } from '../src/index.ts';

const page = readFileSync(new URL('../../../docs/ACCESS.md', import.meta.url), 'utf8');

/** The examples of the page: rules, and the decisions in the block after them. */
const examples = [...page.matchAll(/```(json|acl)\n(.*?)```\n+```decisions\n(.*?)```/gs)].map(
  ([, format, text, decisions]) => ({
    format: format ?? '',
    rules: compileRules((format === 'acl' ? parseAclFile : parseRulesFile)(text ?? '')),
    decisions: (decisions ?? '').trim().split('\n'),
  }),
);

/** Decides a line such as `user=ann qos=2 publish a/b`. */
function decide(rules: CompiledRules, line: string): string {
  const [, conditions = '', action = '', topic = ''] =
    /^((?:\w+=\S+ )*)(publish|subscribe|receive) (.*)$/.exec(line) ?? [];
  const given = Object.fromEntries(
    conditions
      .trim()
      .split(' ')
      .map((pair) => pair.split('=')),
  ) as Record<string, string>;
  const identity: Identity = {
    source: 'cluster',
    ...(given['user'] !== undefined && { user: given['user'] }),
    groups: given['group'] === undefined ? [] : [given['group']],
    client: given['client'] ?? 'client',
    address: given['address'] ?? '',
    listener: 'default',
  };
  const client = rules.forIdentity(identity);
  if (action === 'subscribe') return typeof client.grantedQos(topic, 0) === 'number' ? 'allow' : 'deny';
  const decision =
    action === 'publish'
      ? client.mayPublish(topic, Number(given['qos'] ?? 0) as QoS, given['retain'] === 'true')
      : client.mayReceive(topic);
  return decision === 'allow' ? 'allow' : 'deny';
}

test('the page has an example of each format', () => {
  expect(examples.map(({ format }) => format)).toEqual(['json', 'acl']);
});

describe.each(examples)('the $format example of docs/ACCESS.md', ({ rules, decisions }) => {
  test.each(decisions)('decides as the page states: %s', (line) => {
    const [, request = '', expected] = /^(.*): (allow|deny)$/.exec(line) ?? [];
    expect(decide(rules, request)).toBe(expected);
  });
});
