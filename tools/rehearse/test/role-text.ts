import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ansible = fileURLToPath(new URL('../../../ansible', import.meta.url));
export const roles = join(ansible, 'roles');

/** Returns the files of a folder of a role as one text. */
export function textOf(role: string, folder: string): string {
  const path = join(roles, role, folder);
  return existsSync(path)
    ? readdirSync(path)
        .map((file) => readFileSync(join(path, file), 'utf8'))
        .join('\n')
    : '';
}
