import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { RehearsalError } from './errors.ts';

const timeoutMsDefault = 60_000;
/** Of what a program said, how much an error message repeats. */
const saidLinesMax = 4;
const outputBytesMax = 16 * 1024 * 1024;

export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Everything the program prints is also appended here. */
  readonly logFile?: string;
}

export interface CommandResult {
  readonly status: number;
  readonly output: string;
  readonly errorOutput: string;
}

/**
 * Runs a program without a shell.
 *
 * @throws RehearsalError when it can't be started or outlasts its time, not for its exit status
 */
export function attempt(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { timeoutMs = timeoutMsDefault, input, directory, environment, logFile } = options;
  return new Promise((resolve, reject) => {
    const log = logFile === undefined ? null : openSync(logFile, 'a');
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
      ...(directory === undefined ? {} : { cwd: directory }),
    });
    const texts = { output: '', errorOutput: '' };
    const collect = (key: keyof typeof texts) => (chunk: Buffer) => {
      if (log !== null) writeSync(log, chunk);
      if (texts[key].length < outputBytesMax) texts[key] += chunk.toString('utf8');
    };
    child.stdout.on('data', collect('output'));
    child.stderr.on('data', collect('errorOutput'));
    // A program that ends without reading is judged by its status.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      if (log !== null) closeSync(log);
    };
    child.once('error', (cause) => {
      finish();
      reject(new RehearsalError(`${program} cannot be run: ${cause.message}`, { cause }));
    });
    child.once('close', (code) => {
      finish();
      const name = [program, ...args].join(' ');
      if (late) reject(new RehearsalError(`"${name}" did not end within ${timeoutMs / 1_000} s`));
      else resolve({ status: code ?? 1, ...texts });
    });
  });
}

/** @returns standard output. @throws RehearsalError also when the status is not 0, with the last lines it said */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { status, output, errorOutput } = await attempt(program, args, options);
  if (status === 0) return output;
  const said = lastLines(errorOutput.trim() === '' ? output : errorOutput);
  throw new RehearsalError(`"${[program, ...args].join(' ')}" ended with ${status}: ${said}`);
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-saidLinesMax).join(' | ');
}
