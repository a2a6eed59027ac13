import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const playbooks = fileURLToPath(new URL('../../../ansible/playbooks/', import.meta.url));

/** Returns the roles that a playbook and the playbooks that it imports run on hosts with one of these patterns. */
function rolesOf(playbook: string, hosts: RegExp): string[] {
  const text = readFileSync(join(playbooks, playbook), 'utf8');
  const imported = [...text.matchAll(/import_playbook: (\S+)/g)].flatMap(([, file]) => rolesOf(file!, hosts));
  const plays = text
    .split(/^- name: /m)
    .filter((play) => hosts.test(/^ {2}hosts: (.*)$/m.exec(play)?.[1] ?? ''));
  const run = plays.flatMap((play) => [
    ...[...play.matchAll(/^ {4}- role: (\w+)$/gm)].map(([, role]) => role!),
    ...[...play.matchAll(/(?:include|import)_role:\n +name: (\w+)$/gm)].map(([, role]) => role!),
  ]);
  return [...new Set([...imported, ...run])];
}

test('replace-host.yml prepares a new host with all roles that site.yml runs on brokers', () => {
  const needed = rolesOf('site.yml', /^(brokers\b|all$)/);
  expect(needed).toContain('time_synchronisation');
  expect(needed.length).toBeGreaterThan(5);
  expect(rolesOf('replace-host.yml', /^"\{\{ host /)).toEqual(expect.arrayContaining(needed));
});
