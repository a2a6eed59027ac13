/**
 * Adds to package-lock.json the optional packages of other platforms (`@swc/core-darwin-arm64` and the like) that npm
 * left out because the registry it was pointed at does not carry them. Without them `npm ci` calls the lock out of sync,
 * everywhere. What they are follows from their names; they have no integrity until npm writes the lock elsewhere.
 * Run it after an `npm install` whose lock `npm ci` refuses.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'aix',
  'openbsd',
  'netbsd',
  'sunos',
];
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32'];

/** @returns null for a name that does not end like a platform's package. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  return os === undefined || cpu === undefined ? null : { os, cpu };
}

/** Node's look-up: the nearest node_modules that has it. */
function isPresent(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
    if (!folder.includes('/node_modules/')) folder = '/node_modules/';
  }
}

const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const platform = platformOf(name);
    if (platform === null || !/^\d+\.\d+\.\d+/.test(version) || isPresent(lock.packages, path, name))
      continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [platform.cpu],
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
      os: [platform.os],
    };
    added.push(name);
  }
}
if (added.length > 0) {
  const order = ([left], [right]) => left.localeCompare(right, 'en');
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(order));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
process.stdout.write(`${added.length} packages of other platforms added to package-lock.json\n`);
