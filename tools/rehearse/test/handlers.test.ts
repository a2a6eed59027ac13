import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { unreadFiles } from '../src/unread-files.ts';
import type { RoleText } from '../src/unread-files.ts';
import { roles, textOf } from './role-text.ts';

function roleOf(role: string): RoleText {
  return { tasks: textOf(role, 'tasks'), handlers: textOf(role, 'handlers'), vars: textOf(role, 'vars') };
}

const handlers =
  '- name: Restart it\n  ansible.builtin.systemd:\n    name: it.service\n    state: restarted\n';
const write = (path: string): string =>
  `- name: Write it\n  ansible.builtin.copy:\n    dest: ${path}\n  notify: Restart it\n`;
const reread = (variables: string): string =>
  `- name: Read it\n  ansible.builtin.include_role:\n    name: container_host\n    tasks_from: reread\n${variables}`;
const variables = (unit: string, files: string, change: string): string =>
  `  vars:\n    container_host_unit: ${unit}\n    container_host_files:${files}\n    container_host_change: ${change}\n`;

// Without its definition among the constants, the same task compares no file.
const byConstant = variables('it.service', ' "{{ files }}"', 'restarted');

describe('unreadFiles', () => {
  test.each([
    variables('it.service', ' [/etc/other, /etc/it]', 'restarted'),
    variables('it.service', ' [/etc]', 'restarted'),
    variables('it.service', '\n      - /etc/it', 'restarted'),
    byConstant,
    '  loop:\n    - { unit: it.service, files: [/etc/it], change: restarted }\n',
  ])('accepts a file that the unit compares: %j', (given) => {
    const vars = 'files:\n  - "{{ file }}"\nfile: /etc/it\n';
    expect(unreadFiles({ tasks: write('/etc/it') + reread(given), handlers, vars })).toEqual([]);
  });

  test.each([
    variables('it.service', ' [/etc/other, /etc/i]', 'restarted'),
    variables('it.service', ' [/etc/it]', 'reloaded'),
    variables('other.service', ' [/etc/it]', 'restarted'),
    byConstant,
    '  loop:\n    - { unit: it.service, files: [/etc/it], change: reloaded }\n',
  ])('returns a file that the unit does not compare: %j', (given) => {
    expect(unreadFiles({ tasks: write('/etc/it') + reread(given), handlers, vars: '' })).toEqual([
      '/etc/it (Restart it)',
    ]);
  });
});

// A handler is lost if the playbook fails before it runs: the next run finds the file unchanged.
test('each file for which a role notifies a handler is also compared with the start of its unit', () => {
  const notifying = readdirSync(roles).filter((role) => /^ *notify:/m.test(textOf(role, 'tasks')));
  expect(notifying.length).toBeGreaterThan(3);
  const found = notifying.flatMap((role) => unreadFiles(roleOf(role)).map((file) => `${role}: ${file}`));
  expect(found).toEqual([]);
});
