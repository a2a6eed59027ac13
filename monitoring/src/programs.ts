import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The Debian package of each program. */
const packages = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  amtool: 'prometheus-alertmanager',
  'prometheus-alertmanager': 'prometheus-alertmanager',
} as const;

export type MonitoringProgram = keyof typeof packages;

/** A program is not in the PATH; the message contains the package to install. */
export class NotInstalledError extends Error {
  override readonly name = 'NotInstalledError';
}

/** Returns the path of an installed program. @throws NotInstalledError */
export function findProgram(program: MonitoringProgram): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The folder does not have the program.
    }
  }
  throw new NotInstalledError(
    `${program} is not installed: apt-get install ${packages[program]} (Debian), or put it into the PATH`,
  );
}
