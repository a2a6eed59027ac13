import { describeError, UsageError } from '../errors.ts';
import { HelpRequested } from './command-line.ts';

const usageStatus = 2;
const failureStatus = 1;

/**
 * Runs the main function of a program. Prints the help that the user asked for, or the error as one line
 * `name: message`, and sets the exit status: 2 for a {@link UsageError}, 1 for any other error.
 */
export async function runTool(name: string, main: () => Promise<void> | void): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (error instanceof HelpRequested) return void process.stdout.write(error.text);
    process.stderr.write(`${name}: ${describeError(error)}\n`);
    process.exitCode = error instanceof UsageError ? usageStatus : failureStatus;
  }
}
