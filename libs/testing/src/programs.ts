import { spawnSync } from 'node:child_process';

/** The Debian package of each program that a test may need. */
const debianPackages = {
  amtool: 'prometheus-alertmanager',
  git: 'git',
  openssl: 'openssl',
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  promtool: 'prometheus',
} as const;

export type Program = keyof typeof debianPackages;

/**
 * Returns Jest's `describe`, or its `describe.skip` when a program is missing. The name of a skipped block contains the
 * missing programs
 * and the command that installs them; `npm test` lists and counts skipped tests.
 */
export function requiring(...programs: readonly Program[]): (name: string, tests: () => void) => void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return (name, tests) => describe(name, tests);
  const packages = [...new Set(missing.map((program) => debianPackages[program]))];
  const reason = `[${missing.join(' and ')} missing: apt-get install ${packages.join(' ')}]`;
  return (name, tests) => describe.skip(`${name} ${reason}`, tests);
}

function isInstalled(program: Program): boolean {
  // Jest gives tests a copy of the environment. Without `env`, spawn would use the PATH of the Jest process.
  return spawnSync(program, ['--version'], { stdio: 'ignore', env: process.env }).error === undefined;
}
