import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertRules } from '../src/index.ts';
import { commandsIn, mends, unknownNames, unknownParts } from './runbook-commands.ts';
import type { RunbookCommand } from './runbook-commands.ts';
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

/** Returns the commands of a runbook that consists of one line. */
function commandsOf(line: string): RunbookCommand[] {
  return commandsIn(`\`\`\`sh\n${line}\n\`\`\`\n`);
}

const admin = 'podman exec mqtt-cluster-broker node /opt/mqtt-cluster/main.mjs admin';

describe('the checks of the commands of runbooks', () => {
  it.each([
    ['ansible-playbook playbooks/repair.yml', 'no playbook ansible/playbooks/repair.yml'],
    ['ansible-playbook playbooks/site.yml -e nothing=1', 'site.yml has no parameter nothing'],
    ['ansible-playbook playbooks/site.yml -e empty=true', 'site.yml has no parameter empty'],
    ['ansible-playbook playbooks/replace-host.yml -e hos=HOST', 'replace-host.yml has no parameter hos'],
    [`${admin} repair MEMBER`, 'no admin command repair'],
    [`${admin} users repair NAME`, 'no admin command users repair'],
    [`${admin} members --repair`, 'no option --repair'],
    [`${admin} settings repairsMax=1`, 'no cluster setting repairsMax=1'],
    ['systemctl restart mqtt-cluster-repair', 'no role has a unit mqtt-cluster-repair'],
    ['journalctl -u mqtt-cluster-repair -n 50', 'no role has a unit mqtt-cluster-repair'],
    ['repair HOST', 'unknown program repair'],
    ['curl -s http://MONITORING:9090/api/v1/rules', 'the command needs https://MONITORING:9090'],
    ['curl -s https://MONITORING:9093/-/ready', 'the command needs https://MONITORING:9093'],
  ])('reject %s', (line, fault) => {
    expect(commandsOf(line).flatMap(unknownParts)).toEqual([
      expect.stringContaining(`${line}: ${fault}`) as string,
    ]);
  });

  it.each([
    'ansible-playbook playbooks/status.yml',
    'ansible-playbook playbooks/preflight.yml',
    `${admin} events --client ID`,
    `${admin} members`,
    `${admin} health --stop MEMBER`,
    `${admin} settings`,
    `${admin} clients list --disconnected`,
    `${admin} links`,
    `${admin} links --json`,
    `${admin} retained delete FILTER --dry-run`,
    'systemctl status mqtt-cluster-broker',
  ])('know that %s only reads', (line) => {
    expect(commandsOf(line).map(mends)).toEqual([false]);
  });

  it.each([
    'ansible-playbook playbooks/site.yml',
    `${admin} settings sessionsMax=NUMBER`,
    `${admin} links pause NAME`,
    `${admin} retained delete FILTER`,
    'journalctl --vacuum-size=500M',
    'systemctl restart mqtt-cluster-broker',
  ])('know that %s mends', (line) => {
    expect(commandsOf(line).map(mends)).toEqual([true]);
  });
});
