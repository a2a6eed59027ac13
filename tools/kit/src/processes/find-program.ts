import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Folders that are often not in the PATH of a normal user, but contain installed servers. */
const furtherFolders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/sbin'];

/** Returns the path of an installed program, from the PATH or a usual folder; null when it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...furtherFolders];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
