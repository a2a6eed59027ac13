import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface ChildResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

const source = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'src', 'index.ts');

/**
 * Runs a program that uses this package in a child process, to test its exit and the other programs that it
 * runs.
 */
export async function runChild(
  program: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ChildResult> {
  const directory = mkdtempSync(join(tmpdir(), 'runtime-child-'));
  try {
    const entry = join(directory, 'main.mjs');
    await build({
      stdin: {
        contents: program.replaceAll('RUNTIME', JSON.stringify(source)),
        resolveDir: dirname(source),
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: entry,
      logLevel: 'silent',
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
    });
    return await run(entry, environment);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function run(entry: string, environment: Readonly<Record<string, string>>): Promise<ChildResult> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [entry], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}
