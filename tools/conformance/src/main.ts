import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandLine, runTool } from '@mqtt-cluster/kit';
import { versions } from './clauses/clause.ts';
import { conformanceDocument, documentPath, uncovered } from './document.ts';
import { scanTests } from './scan/citations.ts';
import { readTestFiles } from './scan/test-files.ts';

/** Root of the repository. At run time this file is `dist/conformance.mjs`. */
const root = fileURLToPath(new URL('..', import.meta.url));

const program = new CommandLine('conformance')
  .description('Writes docs/CONFORMANCE.md from the names of the tests')
  .option('--check', 'report what is wrong, and write nothing')
  .action(({ check }: { check?: boolean }) => {
    const { citations, faults } = scanTests(readTestFiles(root));
    const text = conformanceDocument(citations);
    const path = join(root, documentPath);
    const problems = [...faults];
    for (const version of versions) {
      for (const { id } of uncovered(version, citations)) {
        problems.push(`no test shows [${version} ${id}], and no reason is stated`);
      }
    }
    if (check !== true) writeFileSync(path, text);
    else if (readFileSync(path, 'utf8') !== text) {
      problems.push(`${documentPath} is out of date; run: npm run conformance`);
    }
    if (problems.length > 0) throw new Error(problems.join('\n'));
    process.stdout.write(`${documentPath} ${check === true ? 'is up to date' : 'written'}\n`);
  });

await runTool('conformance', () => program.read(process.argv.slice(2)));
