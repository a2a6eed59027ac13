import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNamedTests } from '../src/scan/named-tests.ts';
import { readTestFiles } from '../src/scan/test-files.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8');

/** The sections of attackers against which the cluster defends. */
const attackers = page
  .split(/^### /m)
  .slice(1)
  .filter((section) => !section.startsWith('A compromised'));

describe('SECURITY.md', () => {
  const files = readTestFiles(root);

  it('names only tests that exist', () => {
    expect(findNamedTests('SECURITY.md', page, files).faults).toEqual([]);
  });

  it('names a test for each attacker, except for compromised members and hosts', () => {
    const without = attackers.filter((section) => findNamedTests('', section, files).count === 0);
    expect(without).toEqual([]);
    expect(attackers.length).toBeGreaterThanOrEqual(6);
  });

  it('gives each claim a test or a known limit', () => {
    const claims = page.split('\n').filter((line) => /^\| (can|loses)/.test(line));
    const bare = claims.filter((line) => !/`: "[^"]+" \|$|see "Known limits" \|$/.test(line));
    expect(bare).toEqual([]);
    expect(claims.length).toBeGreaterThan(40);
  });

  it('links only to files that exist', () => {
    const links = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path]) => path!);
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('the tests that a document names', () => {
  const files = [{ path: 'a/test/b.test.ts', source: `test('keeps a promise', () => undefined);` }];
  const faultsOf = (text: string): readonly string[] => findNamedTests('DOC.md', text, files).faults;

  it('exist if file and name are right', () => {
    expect(faultsOf('`a/test/b.test.ts`: "keeps a promise"')).toEqual([]);
  });

  it.each([
    ['`a/test/c.test.ts`: "keeps a promise"', 'DOC.md: the file a/test/c.test.ts does not exist'],
    ['`a/test/b.test.ts`: "keeps no promise"', 'DOC.md: a/test/b.test.ts has no test "keeps no promise"'],
    ['see a/test/b.test.ts', 'DOC.md: a/test/b.test.ts must be followed by the name of a test'],
  ])('are a fault in %s', (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });
});
