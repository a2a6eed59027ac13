import { clauses } from '../clauses/clauses.ts';
import { versions } from '../clauses/clause.ts';
import type { Version } from '../clauses/clause.ts';
import { testNames } from './test-names.ts';
import type { TestFile } from './test-files.ts';

/** Matches the citation of one clause in the name of a test, for instance `[3.1.1 MQTT-3.1.2-8]`. */
const citation = /\[(3\.1\.1|5\.0) (MQTT-[\d.]+-\d+)\]/g;
/** Everything that a reader takes for a clause, but whose version is not stated or whose form is wrong. */
const anyCitation = /\[[^\]]*MQTT[^\]]*\d[^\]]*\]/g;

/**
 * Packages whose tests are about the server. Tests of client libraries, of the torture's judge and of the simulator's
 * checks name clauses too, but they show nothing about the server.
 */
const serverPackages =
  /^(apps\/broker-publisher|libs\/(bridge|broker|consensus|member|mqtt-state|runtime|simulation\/test\/scenarios|store)|tools\/conformance)\//;

/** A test that shows a clause. */
export interface Citation {
  readonly version: Version;
  readonly id: string;
  readonly path: string;
  readonly line: number;
  /** Name of the test, without the clauses in it. */
  readonly name: string;
}

export interface Scan {
  readonly citations: readonly Citation[];
  /** Names of tests that are wrong: one sentence each, with file and line. */
  readonly faults: readonly string[];
}

/** Finds the clauses in the names of all tests, and checks them in every package. */
export function scanTests(files: readonly TestFile[]): Scan {
  const known = new Set(versions.flatMap((version) => clauses[version].map(({ id }) => `${version} ${id}`)));
  const citations: Citation[] = [];
  const faults: string[] = [];
  for (const { path, source } of files) {
    if (!source.includes('MQTT-') && !source.includes('[MQTT')) continue;
    for (const { text, line } of testNames(path, source)) {
      const name = withoutClauses(text);
      for (const [whole, version, id] of text.matchAll(citation)) {
        if (!known.has(`${version} ${id}`)) faults.push(`${path}:${line}: MQTT has no clause ${whole}`);
        else if (serverPackages.test(path))
          citations.push({ version: version as Version, id: id!, path, line, name });
      }
      for (const [wrong] of text.replaceAll(citation, '').matchAll(anyCitation)) {
        faults.push(
          `${path}:${line}: ${wrong} must have the form [3.1.1 MQTT-1.2.3-4] or [5.0 MQTT-1.2.3-4]`,
        );
      }
    }
  }
  return { citations, faults };
}

function withoutClauses(text: string): string {
  return text
    .replaceAll(citation, '')
    .replaceAll(/\s+([,:.])/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
