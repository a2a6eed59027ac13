import { execa } from 'execa';

const timeoutMsDefault = 60_000;
/** Number of last output lines that an error message about a program contains. */
const quotedLinesMax = 4;
const outputCharactersMax = 16 * 1024 * 1024;

/** Reports that a program could not be started, did not end in time, or ended with a status other than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export interface CommandOptions {
  /** The program is killed after this time; 60 s by default. */
  readonly timeoutMs?: number;
  /** Text for the standard input of the program; empty by default. */
  readonly input?: string;
  /** Working directory of the program. */
  readonly directory?: string;
  /** Environment variables of the program, in addition to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard output and standard error are also appended to this file. */
  readonly logFile?: string;
}

export interface ProgramResult {
  /** Exit status of the program; 1 if a signal ended the program. */
  readonly status: number;
  readonly output: string;
  readonly errorOutput: string;
}

/**
 * Runs a program without a shell and waits until it ends. A failed program does not throw: its exit status is in the result.
 *
 * @throws CommandError when the program cannot be started, does not end in time, or prints more than 16 Mi characters
 */
export async function attemptCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<ProgramResult> {
  const { timeoutMs = timeoutMsDefault, input = '', directory, environment = {}, logFile } = options;
  const sink =
    logFile === undefined ? ('pipe' as const) : (['pipe', { file: logFile, append: true }] as const);
  const result = await execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: outputCharactersMax,
    input,
    env: environment,
    stdout: sink,
    stderr: sink,
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  const name = [program, ...args].join(' ');
  if (result.timedOut) throw new CommandError(`"${name}" did not end within ${timeoutMs / 1_000} s`);
  if (result.isMaxBuffer)
    throw new CommandError(`"${name}" printed more than ${outputCharactersMax} characters`);
  const { exitCode, signal, stdout, stderr } = result;
  if (exitCode === undefined && signal === undefined) {
    throw new CommandError(`"${name}" cannot be run: ${result.originalMessage ?? result.shortMessage}`, {
      cause: result.cause,
    });
  }
  return { status: exitCode ?? 1, output: stdout, errorOutput: stderr };
}

/** Runs a program and returns its standard output. @throws CommandError, also when the exit status is not 0 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { status, output, errorOutput } = await attemptCommand(program, args, options);
  if (status === 0) return output;
  const quoted = lastLines(errorOutput.trim() === '' ? output : errorOutput, quotedLinesMax);
  throw new CommandError(`"${[program, ...args].join(' ')}" ended with status ${status}: ${quoted}`);
}

/** Returns the last lines of a text in one line. */
export function lastLines(text: string, linesMax: number): string {
  return text.trim().split('\n').slice(-linesMax).join(' | ');
}
