import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ansible, roles, textOf } from './role-text.ts';

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
