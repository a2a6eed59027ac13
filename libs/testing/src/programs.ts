import { spawnSync } from 'node:child_process';

/** The Debian package of each program, or of each Python module, that a test may need. */
const debianPackages = {
  amtool: 'prometheus-alertmanager',
  chromium: 'chromium',
  git: 'git',
  haproxy: 'haproxy',
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  'nats-server': 'nats-server',
  openssl: 'openssl',
  'paho-mqtt': 'python3-paho-mqtt',
  prometheus: 'prometheus',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  promtool: 'prometheus',
} as const;

export type Program = keyof typeof debianPackages;

/** The Python interpreter of the system: the Python modules of the system's packages belong to it. */
export const systemPython = '/usr/bin/python3';

/** Commands that succeed only if the program is installed, for programs without an executable of their own. */
const probes: Partial<Record<Program, readonly [string, ...string[]]>> = {
  'paho-mqtt': [systemPython, '-c', 'import paho.mqtt'],
};

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
  const [command, ...args] = probes[program] ?? [program, '--version'];
  // Jest gives tests a copy of the environment. Without `env`, spawn would use the PATH of the Jest process.
  const { error, status } = spawnSync(command, args, { stdio: 'ignore', env: process.env });
  return error === undefined && (probes[program] === undefined || status === 0);
}
