import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileRules, parseAclFile, parseRulesFile } from '@mqtt-cluster/access';
import {
  CredentialError,
  keysOfFile,
  parseKeySet,
  parsePasswordFile,
  tokenAlgorithms,
  TokenProvider,
} from '@mqtt-cluster/authentication';
import { decodeText, RulesError, TextError } from '@mqtt-cluster/contracts';
import type { AccessRule, Identity } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { jsonWords } from '../mutation/json-texts.ts';
import { textMutation } from '../mutation/mutate-text.ts';
import type { Target } from '../target.ts';
import { numbersOfKey } from './key-numbers.ts';
import { BrokenPromise, parserTarget } from './parser-target.ts';

/** Bounds of the cost of a hash (docs/ACCESS.md): each login costs what the hash in the file states. */
const iterationsMax = 1_000_000;
const scryptBytesMax = 64 * 1024 * 1024;
const scryptWorkMax = 2 ** 20;
const tokensSchema = z.array(z.string());

const identity: Identity = {
  source: 'passwordFile',
  user: 'roger',
  groups: ['guests'],
  client: 'c1',
  address: '10.0.0.1',
  listener: 'tls',
};

/**
 * Returns the targets of the files with which a site configures users and rules. A parser must return what the file contains, or
 * throw a declared error. The errors of password and ACL files name the line.
 *
 * @param root folder of the repository
 */
export function fileTargets(root: string): Target[] {
  const read = (name: string): Buffer => readFileSync(join(root, 'tools/fuzz/corpus', name));
  return [
    parserTarget({
      name: 'password-files',
      corpus: [read('passwords')],
      change: textMutation([
        '$7$',
        '$6$',
        '$scrypt$',
        '$',
        ':',
        '\n',
        '#',
        '\r\n',
        'ln=31,r=8,p=1',
        'ln=16,r=8,p=999',
        '=',
        '9999999',
      ]),
      parse: checkPasswordFile,
      isDeclared: (error) =>
        (error instanceof CredentialError || error instanceof TextError) && hasLine(error),
    }),
    parserTarget({
      name: 'acl-files',
      corpus: [read('acl')],
      change: textMutation([
        '\nuser ',
        '\ntopic ',
        '\npattern ',
        ' deny ',
        '#',
        '+',
        '/',
        '%u',
        '%c',
        '$SYS/',
        '\r\n',
        '\t',
      ]),
      parse: (bytes) => useRules(parseAclFile(decodeText(bytes))),
      isDeclared: (error) => (error instanceof RulesError || error instanceof TextError) && hasLine(error),
    }),
    parserTarget({
      name: 'rules-files',
      corpus: [read('rules.json')],
      change: textMutation([...jsonWords, '#', '+', '/', '%u', '/999']),
      parse: (bytes) => {
        const rules = parseRulesFile(decodeText(bytes));
        const again = JSON.stringify(parseRulesFile(JSON.stringify(rules)));
        if (again !== JSON.stringify(rules)) throw new BrokenPromise('rules that were written again differ');
        useRules(rules);
      },
      isDeclared: (error) => error instanceof RulesError || error instanceof TextError,
    }),
    keySetTarget(read('key-set.json'), tokensSchema.parse(JSON.parse(read('tokens.json').toString()))),
  ];
}

/** A hash that the parser accepts must not cost more than the bound, because each login of a stranger costs as much. */
function checkPasswordFile(bytes: Buffer): void {
  for (const { hash } of parsePasswordFile(bytes).values()) {
    const isBounded =
      hash.kind === 'scrypt'
        ? 128 * hash.r * 2 ** hash.ln <= scryptBytesMax && hash.r * hash.p * 2 ** hash.ln <= scryptWorkMax
        : hash.kind === 'sha512' || hash.iterations <= iterationsMax;
    if (!isBounded || hash.salt.length === 0 || hash.hash.length === 0)
      throw new BrokenPromise('a hash is out of its bounds');
  }
}

/** Decides requests by the rules: on the topics of the rules themselves, also as filters. */
function useRules(rules: readonly AccessRule[]): void {
  const decisions = compileRules(rules).forIdentity(identity);
  for (const filter of rules.flatMap(({ topics }) => topics)) {
    const topic = filter.replaceAll('%u', 'roger').replaceAll('%c', 'c1');
    decisions.mayPublish(topic.replaceAll(/[+#]/g, 'x'), 1, true);
    decisions.mayReceive(topic.replaceAll(/[+#]/g, 'x'));
    decisions.grantedQos(topic, 2);
  }
}

/**
 * The parser of key sets, and the check of tokens by the keys that it accepts. A token is accepted only if the set still contains
 * the public key of its signature.
 */
function keySetTarget(valid: Buffer, tokens: readonly string[]): Target {
  const numbers = parseKeySet(valid).keys.map(numbersOfKey);
  return parserTarget({
    name: 'key-sets',
    corpus: [valid],
    change: textMutation([...jsonWords, '"d":"x",', '"oct"', '"kid":"ec",', 'AAAA', '"EC"']),
    parse: async (bytes) => {
      const set = parseKeySet(bytes);
      const known = new Set(set.keys.map(numbersOfKey));
      const provider = new TokenProvider({
        keys: keysOfFile(() => set),
        algorithms: tokenAlgorithms,
        clockToleranceSeconds: 0,
        claims: { user: 'sub' },
        matchUserName: false,
      });
      for (const [index, token] of tokens.entries()) {
        const { kind } = await provider.authenticate('192.0.2.1', undefined, Buffer.from(token));
        if (kind === 'accepted' && !known.has(numbers[index]!))
          throw new BrokenPromise('a token was accepted by a set without its key');
      }
    },
    isDeclared: (error) => error instanceof CredentialError || error instanceof TextError,
  });
}

function hasLine({ message }: Error): boolean {
  return /^line [1-9]\d*: /.test(message);
}
