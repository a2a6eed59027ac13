import type { AccessRule, Identity } from '@mqtt-cluster/contracts';
import { accessRuleSchema } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { compileRules } from '../src/index.ts';
import { naiveDecision, naiveGrantedQos, naiveMatches } from './support/naive-rules.ts';

const topicLevels = ['a', 'b', '', '$a', 'ann'];
const topicLevel = fc.constantFrom(...topicLevels);
const topic = fc
  .array(topicLevel, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((name) => name !== '');

function filterOf(levels: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(levels, { maxLength: 3 }), fc.boolean())
    .map(([parts, multi]) => [...parts, ...(multi ? ['#'] : [])].join('/'))
    .filter((text) => text !== '');
}
const filter = filterOf(fc.constantFrom('a', 'b', '', '$a', '+', 'ann'));
const ruleTopic = filterOf(fc.constantFrom('a', 'b', '', '$a', '+', '%u', '%c'));

const some = <Item>(...items: Item[]): fc.Arbitrary<Item[]> => fc.subarray(items, { minLength: 1 });
const rule = fc.record(
  {
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    actions: some('publish' as const, 'subscribe' as const),
    topics: fc.array(ruleTopic, { minLength: 1, maxLength: 3 }),
    users: some('ann', 'bob', '$a'),
    anonymous: fc.boolean(),
    groups: some('g1', 'g2'),
    clients: some('a', 'c2'),
    listeners: some('default', 'tls'),
    qosMax: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
  },
  { requiredKeys: ['effect', 'actions', 'topics'] },
) as fc.Arbitrary<AccessRule>;
// Conditions are rare, so that several rules apply to one client.
const plainRule = rule.map(({ effect, actions, topics }): AccessRule => ({ effect, actions, topics }));
const rules = fc.array(fc.oneof(rule, plainRule, plainRule), { maxLength: 8 });

const identity = fc.record(
  {
    source: fc.constant('jwt' as const),
    user: fc.constantFrom('ann', 'bob', 'a', 'b/a', '+', '#', '', '$a', '%c'),
    groups: fc.subarray(['g1', 'g2', 'g3']),
    client: fc.constantFrom('a', 'c2', '+', 'a/b', '$a', '%u'),
    address: fc.constant('192.0.2.1'),
    listener: fc.constantFrom('default', 'tls', 'other'),
  },
  { requiredKeys: ['source', 'groups', 'client', 'address', 'listener'] },
) as fc.Arbitrary<Identity>;
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);

/** A client that subscribes to `/#`, and one rule. */
function allowedAt(name: string): [AccessRule[], Identity, string, 0, boolean] {
  const client: Identity = {
    source: 'jwt',
    groups: [],
    client: 'a',
    address: '192.0.2.1',
    listener: 'default',
  };
  return [[{ effect: 'allow', actions: ['subscribe'], topics: [name] }], client, '/#', 0, false];
}

describe('compiled rules', () => {
  it('decide about each topic as a walk over all rules does', () => {
    fc.assert(
      fc.property(rules, identity, topic, qos, fc.boolean(), (list, client, name, level, retain) => {
        const compiled = compileRules(list);
        for (const action of ['publish', 'subscribe'] as const) {
          const decision = naiveDecision(list, client, action, name, level, retain);
          expect(compiled.decide(client, action, name, level, retain)).toBe(decision);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it('decide about a sequence of topics of one client as about each topic alone', () => {
    fc.assert(
      fc.property(rules, identity, fc.array(topic, { maxLength: 60 }), qos, (list, client, names, level) => {
        const ofClient = compileRules(list).forIdentity(client);
        for (const name of names) {
          expect(ofClient.mayPublish(name, level, true)).toBe(
            naiveDecision(list, client, 'publish', name, level, true),
          );
          expect(ofClient.mayReceive(name)).toBe(naiveDecision(list, client, 'subscribe', name, level, true));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('grant a subscription by the first rule that matches all topics of the filter', () => {
    // Each filter has at most four levels, `#` included. With a literal that occurs in no filter, the topics of at
    // most four levels show each difference between two filters.
    const levels = [...topicLevels, 'fresh', '%c'];
    const longer = [levels, levels, levels].reduce<string[]>(
      (shorter, next) => [...shorter, ...shorter.flatMap((name) => next.map((level) => `${name}/${level}`))],
      levels,
    );
    const sample = [...new Set(longer)].filter((name) => name !== '');
    const covers = (wide: string, wanted: string): boolean =>
      sample.every((name) => !naiveMatches(wanted, name) || naiveMatches(wide, name));
    fc.assert(
      fc.property(rules, identity, filter, qos, fc.boolean(), (list, client, wanted, level, shared) => {
        const requested = shared ? `$share/group/${wanted}` : wanted;
        expect(compileRules(list).forIdentity(client).grantedQos(requested, level)).toBe(
          naiveGrantedQos(list, client, wanted, level, covers),
        );
      }),
      { numRuns: 300, examples: ['+/+/#', '/+/#', '+/#'].map((name) => allowedAt(name)) },
    );
  });

  it('exist for all rules that the schema accepts', () => {
    fc.assert(fc.property(rule, (item) => accessRuleSchema.safeParse(item).success));
  });
});
