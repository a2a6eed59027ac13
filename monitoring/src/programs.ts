import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian's package of each program that monitoring uses. */
const packages = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  amtool: 'prometheus-alertmanager',
  'prometheus-alertmanager': 'prometheus-alertmanager',
} as const;

export type MonitoringProgram = keyof typeof packages;

export class NotInstalledError extends Error {
  override readonly name = 'NotInstalledError';
}

/** The path of an installed program. @throws NotInstalledError saying what to install. */
export function findProgram(program: MonitoringProgram): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  throw new NotInstalledError(
    `${program} is not installed: apt-get install ${packages[program]} (Debian), or put it into the PATH`,
  );
}
