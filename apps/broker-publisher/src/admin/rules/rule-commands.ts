import { readFileSync } from 'node:fs';
import { parseAclFile, parseRulesFile } from '@mqtt-cluster/access';
import { RulesError } from '@mqtt-cluster/contracts';
import type { AccessRule } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { AdminError } from '../admin-client.ts';
import type { AdminClient } from '../admin-client.ts';
import { adminPaths } from '../paths.ts';
import { ruleListSchema } from './rule-administration.ts';

const doneSchema = z.object({ ok: z.boolean(), text: z.string() });

/**
 * Reads the rules of a file: a JSON array of rules, or an ACL file of mosquitto. A text that begins with `[` or `{` is
 * JSON.
 *
 * @throws AdminError with the file, and the line or the rule and its field
 */
export function readRules(file: string): readonly AccessRule[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AdminError(`the file ${file} cannot be read`, { cause });
  }
  try {
    return /^\s*[[{]/.test(text) ? parseRulesFile(text) : parseAclFile(text);
  } catch (cause) {
    if (!(cause instanceof RulesError)) throw cause;
    throw new AdminError(`${file}: ${cause.message}`, { cause });
  }
}

/** Checks a file of rules without a request to the appliance. @throws AdminError as {@link readRules} does */
export function checkRulesFile(file: string): { readonly text: string } {
  const { length } = readRules(file);
  return { text: `${file}: ${length} ${length === 1 ? 'rule' : 'rules'}, no errors` };
}

/** Returns the rules of the cluster as a rules file. */
export async function showRules(client: AdminClient): Promise<string> {
  const { rules } = await client.get(adminPaths.rules, ruleListSchema);
  return rules.length === 0
    ? '[]\n'
    : `[\n${rules.map((rule) => `  ${JSON.stringify(rule)}`).join(',\n')}\n]\n`;
}

/** Replaces the rules of the cluster by those of a file. @throws AdminError */
export async function setRules(file: string, client: AdminClient): Promise<{ readonly text: string }> {
  return client.put(adminPaths.rules, doneSchema, { rules: readRules(file) });
}
