import { existsSync } from 'node:fs';
import { UsageError } from '@mqtt-cluster/lab';

const folders = ['/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/sbin'];

/** @throws UsageError with what would install it */
export function programOf(name: string, debianPackage: string): string {
  const found = folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
  if (found === undefined) throw new UsageError(`not installed: apt-get install ${debianPackage}`);
  return found;
}
