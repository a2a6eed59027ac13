import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const texts = z.record(z.string(), z.string());
const recordingRule = z.object({ record: z.string(), expr: z.string() });
const alertRule = z.object({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: texts,
  annotations: texts,
});
const ruleFileSchema = z.object({
  groups: z.array(z.object({ name: z.string(), rules: z.array(z.union([recordingRule, alertRule])) })),
});

interface Located {
  /** Path relative to the folder `prometheus`. */
  readonly file: string;
}

export type RecordingRule = z.output<typeof recordingRule> & Located;
export type AlertRule = z.output<typeof alertRule> & Located;

export interface RuleFile extends Located {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly (RecordingRule | AlertRule)[];
  }[];
}

const folders = ['rules', 'alerts'] as const;

/** Reads all files in `prometheus/rules` and `prometheus/alerts`. @param folder absolute path of the monitoring folder */
export function readRuleFiles(folder: string): RuleFile[] {
  return folders.flatMap((kind) =>
    readdirSync(join(folder, 'prometheus', kind))
      .filter((name) => name.endsWith('.yml'))
      .sort()
      .map((name) => {
        const file = `${kind}/${name}`;
        const text = readFileSync(join(folder, 'prometheus', file), 'utf8');
        const { groups } = ruleFileSchema.parse(parse(text));
        const located = groups.map(({ name: group, rules }) => ({
          name: group,
          rules: rules.map((rule) => ({ ...rule, file })),
        }));
        return { file, groups: located };
      }),
  );
}

export function recordingRules(files: readonly RuleFile[]): RecordingRule[] {
  return rulesOf(files).filter((rule): rule is RecordingRule => 'record' in rule);
}

export function alertRules(files: readonly RuleFile[]): AlertRule[] {
  return rulesOf(files).filter((rule): rule is AlertRule => 'alert' in rule);
}

function rulesOf(files: readonly RuleFile[]): readonly (RecordingRule | AlertRule)[] {
  return files.flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
}
