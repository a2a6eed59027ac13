import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a shell program in place of a program of a host, such as podman. A playbook finds it if its folder comes first in PATH.
 *
 * @param lines lines of the program after its first one
 */
export function writeProgram(folder: string, name: string, lines: string): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
}
