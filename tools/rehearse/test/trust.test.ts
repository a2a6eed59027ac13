import { expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ansible = fileURLToPath(new URL('../../../ansible', import.meta.url));
const roles = join(ansible, 'roles');

/** Returns the files of a folder of a role as one text. */
function textOf(role: string, folder: string): string {
  const path = join(roles, role, folder);
  return existsSync(path)
    ? readdirSync(path)
        .map((file) => readFileSync(join(path, file), 'utf8'))
        .join('\n')
    : '';
}

/** Returns whether a role copies the certificates of the authorities: from their file, as a text, or with certificates of a host. */
function copiesAuthorities(role: string): boolean {
  return (
    textOf(role, 'defaults').includes('/authorities.pem') ||
    /cluster_certificates_bundle \}\}|name: cluster_certificates\n *tasks_from: configure/.test(
      textOf(role, 'tasks'),
    )
  );
}

test('roll-over-authority.yml compares the authorities of each role that copies them to a host', () => {
  const playbook = readFileSync(join(ansible, 'playbooks/roll-over-authority.yml'), 'utf8');
  const compared = [...playbook.matchAll(/name: (\w+)\n *tasks_from: trust$/gm)].map(([, role]) => role);
  expect(compared.sort()).toEqual(readdirSync(roles).filter(copiesAuthorities));
});
