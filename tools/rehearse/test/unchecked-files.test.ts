import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uncheckedFiles } from '../src/unchecked-files.ts';

const roles = fileURLToPath(new URL('../../../ansible/roles', import.meta.url));
const task = (path: string, validate = ''): string =>
  `- name: Write it\n  ansible.builtin.template:\n    src: it.j2\n    dest: ${path}\n${validate}`;

test('finds a file that no program checks before it replaces the former one', () => {
  expect(uncheckedFiles(task('/etc/prometheus/alertmanager.yml'))).toEqual([
    '/etc/prometheus/alertmanager.yml',
  ]);
  expect(uncheckedFiles(task('/etc/haproxy/haproxy.cfg', '    validate: sh -n %s\n'))).toHaveLength(1);
  expect(uncheckedFiles(task('/etc/haproxy/haproxy.cfg', '    validate: haproxy -c -f %s\n'))).toEqual([]);
  expect(uncheckedFiles(task('/etc/mqtt-cluster/it.pem'))).toEqual([]);
});

test('the roles let a program check its file before it replaces the former one', () => {
  const files = readdirSync(roles, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\/tasks\/.*\.yml$/.test(file),
  );
  expect(files.length).toBeGreaterThan(50);
  expect(
    files.flatMap((file) =>
      uncheckedFiles(readFileSync(join(roles, file), 'utf8')).map((path) => `${file}: ${path}`),
    ),
  ).toEqual([]);
});
