import { runProgram } from '../../src/program/program.ts';
import type { ProgramOptions } from '../../src/program/program.ts';

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process. */
export async function run(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  { interactive = false, ...more }: Pick<ProgramOptions, 'name' | 'host'> & { interactive?: boolean } = {},
): Promise<Result> {
  let out = '';
  let err = '';
  const streams = {
    out: (text: string | Uint8Array) => void (out += Buffer.from(text).toString()),
    err: (text: string) => void (err += text),
    interactive,
  };
  const status = await runProgram({ argv, streams, environment, version: '9.9.9', ...more });
  return { status, out, err };
}
