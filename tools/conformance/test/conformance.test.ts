import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { versions } from '../src/clauses/clause.ts';
import { bindsServer, clauses, notes } from '../src/clauses/clauses.ts';
import { conformanceDocument, documentPath, uncovered } from '../src/document.ts';
import { scanTests } from '../src/scan/citations.ts';
import { readTestFiles } from '../src/scan/test-files.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { citations, faults } = scanTests(readTestFiles(root));

/** Number of statements in Appendix B of each standard. */
const statements = { '3.1.1': 141, '5.0': 251 };
/** How many clauses of MQTT 5.0 that bind a server may have a reason instead of a test. */
const reasonsMax = 9;

test('each test name that contains a clause names an existing clause with its version', () => {
  expect(faults).toEqual([]);
});

test('docs/CONFORMANCE.md is up to date (otherwise run: npm run conformance)', () => {
  expect(readFileSync(join(root, documentPath), 'utf8')).toBe(conformanceDocument(citations));
});

describe.each(versions)('the statements of MQTT %s', (version) => {
  test('are complete and unique', () => {
    const ids = clauses[version].map(({ id }) => id);
    expect(new Set(ids).size).toBe(statements[version]);
    expect(ids).toHaveLength(statements[version]);
  });

  test('that bind a server have a test or a stated reason', () => {
    expect(uncovered(version, citations).map(({ id }) => id)).toEqual([]);
  });

  test('have notes only under existing identifiers, and with existing settings', () => {
    const ids = new Set(clauses[version].map(({ id }) => id));
    expect(Object.keys(notes[version]).filter((id) => !ids.has(id))).toEqual([]);
    const [, bounds = ''] = readFileSync(join(root, 'docs/DESIGN.md'), 'utf8').split('\n## Bounds\n');
    const settings = Object.values(notes[version]).flatMap((note) => note.settings ?? []);
    expect(settings.filter((name) => !bounds.includes(`\`${name}\``) && name !== 'whenIsolated')).toEqual([]);
  });
});

test('all statements of MQTT 3.1.1 that bind a server have a test, and those of MQTT 5.0 except nine', () => {
  const withReason = (version: (typeof versions)[number]): number =>
    clauses[version].filter((clause) => bindsServer(clause) && notes[version][clause.id]?.reason).length;
  expect(withReason('3.1.1')).toBe(0);
  expect(withReason('5.0')).toBeLessThanOrEqual(reasonsMax);
});
