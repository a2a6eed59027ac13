import { execFileSync, spawnSync } from 'node:child_process';

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
  'prometheus-mqtt-exporter': 'prometheus-mqtt-exporter',
} as const;

type DebianProgram = keyof typeof debianPackages;
/** The others are npm packages with the same name, which `npm install --global` installs. */
export type Program = DebianProgram | 'node-red' | 'sparkplug-client';

/** The Python interpreter of the system: the Python modules of the system's packages belong to it. */
export const systemPython = '/usr/bin/python3';

/** Commands that succeed only if the program is installed, for programs without an executable of their own. */
const probes: Partial<Record<Program, readonly [string, ...string[]]>> = {
  'paho-mqtt': [systemPython, '-c', 'import paho.mqtt'],
  'sparkplug-client': ['sh', '-c', 'test -d "$(npm root --global)/sparkplug-client"'],
};

/** The directory of the npm packages that `npm install --global` has installed. */
export function globalModules(): string {
  return execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim();
}

/**
 * Returns Jest's `describe`, or its `describe.skip` when a program is missing. The name of a skipped block contains the
 * missing programs
 * and the command that installs them; `npm test` lists and counts skipped tests.
 */
export function requiring(...programs: readonly Program[]): (name: string, tests: () => void) => void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return (name, tests) => describe(name, tests);
  const reason = `[${missing.join(' and ')} missing: ${installation(missing)}]`;
  return (name, tests) => describe.skip(`${name} ${reason}`, tests);
}

function installation(missing: readonly Program[]): string {
  const isDebian = (program: Program): program is DebianProgram => program in debianPackages;
  const debian = new Set(missing.filter(isDebian).map((program) => debianPackages[program]));
  const npm = missing.filter((program) => !isDebian(program));
  return [
    ...(debian.size > 0 ? [`apt-get install ${[...debian].join(' ')}`] : []),
    ...(npm.length > 0 ? [`npm install --global ${npm.join(' ')}`] : []),
  ].join('; ');
}

function isInstalled(program: Program): boolean {
  const [command, ...args] = probes[program] ?? [program, '--version'];
  // Jest gives tests a copy of the environment. Without `env`, spawn would use the PATH of the Jest process.
  const { error, status } = spawnSync(command, args, { stdio: 'ignore', env: process.env });
  return error === undefined && (probes[program] === undefined || status === 0);
}
