import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertRules } from '../src/index.ts';
import { commandsIn, mends, unknownNames, unknownParts } from './runbook-commands.ts';
import { monitoring, ruleFiles, unknownMetrics } from './support.ts';

const folder = join(monitoring, 'runbooks');
const alerts = alertRules(ruleFiles).map(({ alert }) => alert);
const sections = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'];

describe('the runbooks', () => {
  it('exist for each alert, and only for alerts', () => {
    expect(readdirSync(folder).sort()).toEqual(alerts.map((alert) => `${alert}.md`).sort());
  });

  it.each(alerts)(
    'contain, for %s, the sections Meaning, Impact, Diagnosis and Mitigation, and only valid queries',
    (alert) => {
      const text = readFileSync(join(folder, `${alert}.md`), 'utf8');
      const [title, ...parts] = text.split(/^## /m);
      expect(title?.trim()).toBe(`# ${alert}`);
      expect(parts.map((part) => part.split('\n', 1)[0])).toEqual(sections);
      for (const part of parts)
        expect(part.split('\n').slice(1).join('\n').trim().length).toBeGreaterThan(10);
      const queries = [...text.matchAll(/^```promql\n([^`]*)^```$/gm)].map(
        ([, query]) => query?.trim() ?? '',
      );
      expect(queries.length).toBeGreaterThan(0);
      expect(queries.flatMap(unknownMetrics)).toEqual([]);
    },
  );

  it.each(alerts)('name, for %s, only commands, playbooks and variables that exist', (alert) => {
    const text = readFileSync(join(folder, `${alert}.md`), 'utf8');
    expect([...commandsIn(text).flatMap(unknownParts), ...unknownNames(text)]).toEqual([]);
  });

  it.each(alerts)('name, for %s, a playbook or command that mends', (alert) => {
    const [, mitigation = ''] = readFileSync(join(folder, `${alert}.md`), 'utf8').split(/^## Mitigation$/m);
    expect(commandsIn(mitigation).filter(mends)).not.toEqual([]);
  });
});
