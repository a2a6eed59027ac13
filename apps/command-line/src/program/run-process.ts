import { runProgram } from './program.ts';
import type { ProgramOptions } from './program.ts';

/** Runs the command line with the arguments, the environment and the streams of this process. Sets the exit status. */
export async function runProcess(
  options: Pick<ProgramOptions, 'argv' | 'version' | 'name' | 'host'>,
): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    // A reader such as `head` has closed the pipe: it needs no more output.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(0);
    });
  }
  // The process ends by itself when its output has been written.
  process.exitCode = await runProgram({
    ...options,
    environment: process.env,
    streams: {
      out: (text) => void process.stdout.write(text),
      err: (text) => void process.stderr.write(text),
      interactive: process.stderr.isTTY === true,
    },
  });
}
