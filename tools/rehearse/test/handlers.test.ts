import { expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const roles = fileURLToPath(new URL('../../../ansible/roles', import.meta.url));

/** Returns the tasks of a role as one text. */
function tasksOf(role: string): string {
  const folder = join(roles, role, 'tasks');
  return existsSync(folder)
    ? readdirSync(folder)
        .map((file) => readFileSync(join(folder, file), 'utf8'))
        .join('\n')
    : '';
}

// A handler is lost if the playbook fails before it runs: the next run finds the file unchanged.
test('each role with handlers finds units that have not read their files', () => {
  const notifying = readdirSync(roles).filter((role) => /^ *notify:/m.test(tasksOf(role)));
  expect(notifying.length).toBeGreaterThan(3);
  expect(notifying.filter((role) => !/^ *tasks_from: reread$/m.test(tasksOf(role)))).toEqual([]);
});
