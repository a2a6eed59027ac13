import { testNames } from './test-names.ts';
import type { TestFile } from './test-files.ts';

/** Matches a test that a document names: a path in backticks, and the name of the test in quotation marks. */
const namedTest = /`([^`\s]+\.test\.ts)`: "([^"\n]+)"/g;
const anyTestFile = /[\w./-]+\.test\.ts/g;

export interface NamedTests {
  readonly count: number;
  /** One sentence for each named test that does not exist, and for each test file without the name of a test. */
  readonly faults: readonly string[];
}

/** Finds the tests that a document names as `path`: "name". @param document the path of the document, for the faults */
export function findNamedTests(document: string, content: string, files: readonly TestFile[]): NamedTests {
  const sources = new Map(files.map(({ path, source }) => [path, source]));
  const namesByPath = new Map<string, ReadonlySet<string>>();
  const namesOf = (path: string, source: string): ReadonlySet<string> => {
    const names = namesByPath.get(path) ?? new Set(testNames(path, source).map(({ text }) => text));
    namesByPath.set(path, names);
    return names;
  };
  const faults: string[] = [];
  const named = [...content.matchAll(namedTest)];
  for (const [, path, name] of named) {
    const source = sources.get(path!);
    if (source === undefined) faults.push(`${document}: the file ${path} does not exist`);
    else if (!namesOf(path!, source).has(name!)) faults.push(`${document}: ${path} has no test "${name}"`);
  }
  const unnamed = content.replaceAll(namedTest, '').match(anyTestFile) ?? [];
  faults.push(...unnamed.map((path) => `${document}: ${path} must be followed by the name of a test`));
  return { count: named.length, faults };
}
