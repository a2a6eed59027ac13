import { runProgram } from './program/program.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

// A reader such as `head` has closed the pipe: it needs no more output.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// The process ends by itself when its output has been written.
process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  environment: process.env,
  version,
  streams: {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
  },
});
