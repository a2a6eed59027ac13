import { findProgram, UsageError } from '@mqtt-cluster/kit';

/** @returns the path of an installed program. @throws UsageError with the command that installs it */
export function findInstalledProgram(name: string, debianPackage: string): string {
  const found = findProgram(name);
  if (found === null)
    throw new UsageError(`${name} is not installed; install it with: apt-get install ${debianPackage}`);
  return found;
}
