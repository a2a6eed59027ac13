/**
 * `npm run licences`: checks that the licence of every installed npm package is permissive. The exit status is 1 when a
 * package has another licence or an unknown one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** SPDX identifiers of the permissive licences. */
const permissive = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
];

/** Packages with another licence, by name: the licence, and the reason why it is accepted. */
const exceptions = {
  'axe-core': { licence: 'MPL-2.0', reason: 'a tool of the console tests; no image contains it' },
  'caniuse-lite': {
    licence: 'CC-BY-4.0',
    reason: 'data of a development tool; no image contains it',
  },
  'spdx-exceptions': { licence: 'CC-BY-3.0', reason: 'data of the licence check; no image contains it' },
  'spdx-ranges': {
    licence: '(MIT AND CC-BY-3.0)',
    reason: 'data of the licence check; no image contains it',
  },
};

/** Returns the licence that package.json states, also in the two forms that npm no longer documents. */
function licenceOf({ license, licenses }) {
  const one = (value) => (typeof value === 'object' && value !== null ? value.type : value);
  if (license !== undefined) return one(license);
  if (Array.isArray(licenses)) return `(${licenses.map(one).join(' OR ')})`;
  return undefined;
}

/** Returns why the licence is not accepted, in one sentence, or null to accept it. */
export function licenceFault({ name, licence }, satisfies) {
  if (licence === undefined) return `${name} states no licence`;
  if (exceptions[name]?.licence === licence) return null;
  try {
    if (satisfies(licence, permissive)) return null;
  } catch {
    return `${name} has the licence "${licence}", which is not an SPDX expression`;
  }
  return `${name} has the licence ${licence}, which is not in the list of permissive licences`;
}

/** Returns name and licence of every package of the lock file that is installed. */
export function installedPackages(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([folder, { link }]) => folder.includes('node_modules/') && !link)
    .map(([folder]) => join(root, folder, 'package.json'))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')))
    .map((content) => ({ name: content.name, licence: licenceOf(content) }));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { default: satisfies } = await import('spdx-satisfies');
  const found = installedPackages(fileURLToPath(new URL('..', import.meta.url)));
  const faults = found.map((each) => licenceFault(each, satisfies)).filter((fault) => fault !== null);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.stdout.write(`${found.length} packages, ${faults.length} with a licence that is not accepted\n`);
  process.exitCode = found.length > 0 && faults.length === 0 ? 0 : 1;
}
