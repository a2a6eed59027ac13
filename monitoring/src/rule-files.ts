import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

interface RuleBase {
  /** Path relative to the folder `prometheus`. */
  readonly file: string;
  readonly expr: string;
}

export interface RecordingRule extends RuleBase {
  readonly record: string;
}

export interface AlertRule extends RuleBase {
  readonly alert: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly file: string;
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
        const { groups } = parse(readFileSync(join(folder, 'prometheus', file), 'utf8')) as RuleFile;
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
