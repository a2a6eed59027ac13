import { readFileSync } from 'node:fs';
import { parseAclFile, parseRulesFile } from '@mqtt-cluster/access';
import type { Schemas } from '@mqtt-cluster/api/client';
import { decodeText } from '@mqtt-cluster/contracts';
import type { Command } from 'commander';
import { CommandError } from '../program/errors.ts';
import type { Registry } from '../program/registry.ts';
import { count } from '../text/values.ts';

/** Declares the commands for access rules. */
export function addRuleCommands(program: Command, registry: Registry): void {
  const rules = registry.group(program, 'rules', 'check, print and replace the access rules of the cluster', {
    'rules show > rules.json': 'the rules as a file',
    'rules check rules.json': 'find errors without a request',
    'rules set rules.json': 'replace all rules',
  });
  registry.add(rules, {
    usage: 'show',
    isDefault: true,
    description: 'print the rules of the cluster as a JSON file (the default)',
    examples: { 'rules show > rules.json': 'a file for rules set' },
    run: async (context) => {
      const connection = await context.connect();
      const { rules } = await connection.ask((api) => api.GET('/rules'));
      const lines = rules.map((rule) => `  ${JSON.stringify(rule)}`).join(',\n');
      context.output.raw(rules.length === 0 ? '[]\n' : `[\n${lines}\n]\n`);
    },
  });
  registry.add(rules, {
    usage: 'check <FILE>',
    description: 'check a file of rules (JSON, or an ACL file of Mosquitto) without a request',
    examples: { 'rules check acl.conf': 'an error names the line, or the rule and its field' },
    run: async (context, [file = '']) =>
      context.done(`${file}: ${count(readRules(file).length, 'rule')}, no errors`),
  });
  registry.add(rules, {
    usage: 'set <FILE>',
    description: 'replace all rules of the cluster by the rules of FILE',
    examples: { 'rules set rules.json': 'in force at once' },
    run: async (context, [file = '']) => {
      const body = { rules: readRules(file) };
      const connection = await context.connect();
      const { text } = await context.retrying(() => connection.ask((api) => api.PUT('/rules', { body })));
      context.done(text);
    },
  });
}

/** Reads a JSON array of rules, or an ACL file of Mosquitto. A text that begins with `[` or `{` is JSON. */
function readRules(file: string): Schemas['AccessRule'][] {
  try {
    const text = decodeText(readFileSync(file));
    const rules = /^\s*[[{]/.test(text) ? parseRulesFile(text) : parseAclFile(text);
    return structuredClone(rules) as Schemas['AccessRule'][];
  } catch (cause) {
    throw new CommandError(`${file}: ${(cause as Error).message}`, { cause });
  }
}
