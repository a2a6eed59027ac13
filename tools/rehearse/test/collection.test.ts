import { expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pathOut } from '../src/collection-check.ts';

const ansible = fileURLToPath(new URL('../../../ansible', import.meta.url));

function pathOutOf(text: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'collection-'));
  try {
    for (const part of ['roles/one/tasks', 'playbooks', 'plugins'])
      mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'roles/one/tasks/main.yml'), text);
    return pathOut(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('no role, playbook or plugin names a path out of it', () => {
  expect(pathOut(ansible)).toBeNull();
});

test.each(['src: "{{ role_path }}/../other/files/x"', 'src: "{{ playbook_dir }}/x"'])(
  'the line %s of a role names a path out of it',
  (line) => {
    expect(pathOutOf(`---\n${line}\n`)).toBe(
      `roles/one/tasks/main.yml:2 names a path out of the role: ${line}`,
    );
  },
);

test('a path below the role is accepted', () => {
  expect(pathOutOf('src: "{{ role_path }}/files/x"\n')).toBeNull();
});
