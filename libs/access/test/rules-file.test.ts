import fc from 'fast-check';
import { RulesError } from '@mqtt-cluster/contracts';
import { parseAclFile, parseRulesFile } from '../src/index.ts';

const good = { effect: 'allow', actions: ['publish'], topics: ['a/#'] };

describe('a rules file', () => {
  it('is a JSON array of rules', () => {
    const rules = [good, { ...good, effect: 'deny', users: ['ann'], qosMax: 1, retain: false }];
    expect(parseRulesFile(JSON.stringify(rules))).toEqual(rules);
    expect(parseRulesFile('[]')).toEqual([]);
  });

  it.each([
    ['{}', 'the rules must be a JSON array'],
    ['[', 'line 1, column 2 (the end of the text): the text is not JSON'],
    ['[\n  {"effect": "deny",}\n]', 'line 2, column 21: the text is not JSON'],
    [
      [good, { ...good, effect: 'permit' }],
      'rule 2: effect ("permit"): Invalid option: expected one of "allow"|"deny"',
    ],
    [[{ ...good, topics: [] }], 'rule 1: topics: Too small'],
    [[{ ...good, topics: ['a', 'b/#/c'] }], 'rule 1: topics.1 ("b/#/c"): must be a topic filter'],
    [[{ ...good, topics: ['$share/g/a'] }], 'rule 1: topics.0 ("$share/g/a"): must be a topic filter'],
    [[{ ...good, topics: ['a+'] }], 'rule 1: topics.0 ("a+"): must be a topic filter'],
    [[{ ...good, topics: ['dev-%u'] }], 'rule 1: topics.0 ("dev-%u"): must be a topic filter'],
    [[{ ...good, addresses: ['10.0.0.0/33'] }], 'rule 1: addresses.0 ("10.0.0.0/33"): must be an IP address'],
    [[{ ...good, qosMax: 3 }], 'rule 1: qosMax: Invalid'],
    [[{ ...good, user: ['ann'] }], 'rule 1: Unrecognized key: "user"'],
    [[{ ...good, users: ['x'.repeat(300)] }], 'rule 1: users.0'],
    [[null], 'rule 1: Invalid input'],
  ])('%j is refused with the rule and the field', (value, message) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    expect(() => parseRulesFile(text)).toThrow(RulesError);
    expect(() => parseRulesFile(text)).toThrow(message);
  });
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom('topic', 'user', 'pattern', 'read', 'deny', ' ', '\n', '#', '%u', '/', '+', 'a', '\t'),
    )
    .map((parts) => parts.join('')),
);

it.each([
  ['a rules file', parseRulesFile],
  ['an ACL file', parseAclFile],
])('any text as %s gives rules or a RulesError', (_name, parse) => {
  fc.assert(
    fc.property(anyText, (text) => {
      try {
        return Array.isArray(parse(text));
      } catch (error) {
        return error instanceof RulesError;
      }
    }),
  );
});
