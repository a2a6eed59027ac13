/** The program that builds images: podman or docker. */
import { execFileSync } from 'node:child_process';

/**
 * Returns the program, and whether it is podman. The answer to --version decides that, because a wrapper may
 * have any name. Throws an Error if no candidate can be run.
 */
export function chooseEngine(wanted) {
  const candidates = wanted === undefined ? ['podman', 'docker'] : [wanted];
  for (const engine of candidates) {
    try {
      const printed = execFileSync(engine, ['--version'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return { program: engine, isPodman: printed.includes('podman') };
    } catch {
      // Try the next candidate.
    }
  }
  throw new Error(
    `cannot run ${candidates.join(' or ')}: install podman or docker, or give --stage to build no image`,
  );
}

/** Returns what the engine tells of an image, in a format of Go's templates. */
export function inspect(engine, format, image, options) {
  const args = [...options['engine-option'], 'image', 'inspect', '--format', format, image];
  return run(engine, args).trim();
}

/** Runs the engine and returns its output. Throws an Error with the last lines that the engine printed. */
export function run({ program }, args, environment = {}) {
  try {
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
  } catch (error) {
    const printed = String(error.stderr ?? error.message)
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    throw new Error(`${program} ${args[0]} failed:\n${printed}`, { cause: error });
  }
}
