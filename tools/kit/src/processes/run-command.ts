import { execa } from 'execa';

const timeoutMsDefault = 60_000;
/** How many of the last lines of its output an error message about a program contains. */
const quotedLinesMax = 4;
const outputCharactersMax = 16 * 1024 * 1024;

/** A program could not be started, did not end in time, or ended with a status other than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export interface CommandOptions {
  /** The program is killed after this time; 60 s by default. */
  readonly timeoutMs?: number;
  /** Standard input; empty by default. */
  readonly input?: string;
  /** Working directory. */
  readonly directory?: string;
  /** Added to the environment of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard output and standard error are also appended to this file. */
  readonly logFile?: string;
}

export interface CommandResult {
  /** Exit status; 1 for a program that a signal ended. */
  readonly status: number;
  readonly output: string;
  readonly errorOutput: string;
}

/**
 * Runs a program without a shell and waits until it ends, whatever its exit status.
 *
 * @throws CommandError when it cannot be started, does not end in time, or prints more than 16 Mi characters
 */
export async function attemptCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
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

/** Runs a program and returns its standard output. @throws CommandError, also when its exit status is not 0 */
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
