import { describe, expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { secretsInDiff } from '../src/secret-tasks.ts';

const ansible = fileURLToPath(new URL('../../../ansible', import.meta.url));
const none = (): string => '';

function task(mode: string, rest = ''): string {
  return `- name: Write it\n  ansible.builtin.copy:\n    content: x\n    dest: /x\n    mode: "${mode}"\n${rest}`;
}

describe('secretsInDiff', () => {
  test('returns a task that writes a file that not everybody may read', () => {
    expect(secretsInDiff(task('0640') + task('0644'), none)).toEqual(['Write it']);
  });

  test.each(['  no_log: true\n', '  diff: false\n'])('accepts such a task with "%s"', (line) => {
    expect(secretsInDiff(task('0600', line), none)).toEqual([]);
  });

  test('returns a task that everybody may read if its template prints a secret', () => {
    const text = '- name: Write it\n  ansible.builtin.template:\n    src: a.j2\n    mode: "0644"\n';
    expect(secretsInDiff(text, () => 'user {{ role_password }}')).toEqual(['Write it']);
    expect(secretsInDiff(text, () => 'file {{ role_password_file }}')).toEqual([]);
  });

  test('accepts tasks that write no file', () => {
    expect(secretsInDiff('- name: Create it\n  ansible.builtin.file:\n    mode: "0600"\n', none)).toEqual([]);
  });
});

describe('the playbooks and the roles', () => {
  const files = ['playbooks', 'roles'].flatMap((folder) =>
    readdirSync(join(ansible, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yml'))
      .map((file) => join(ansible, folder, file)),
  );

  test('show no secret in the output of --diff', () => {
    const found = files.flatMap((file) => {
      const template = (name: string): string => {
        const path = join(dirname(dirname(file)), 'templates', name);
        return name !== '' && existsSync(path) ? readFileSync(path, 'utf8') : '';
      };
      return secretsInDiff(readFileSync(file, 'utf8'), template).map(
        (name) => `${file.slice(ansible.length + 1)}: ${name}`,
      );
    });
    expect(files.length).toBeGreaterThan(50);
    expect(found).toEqual([]);
  });
});
