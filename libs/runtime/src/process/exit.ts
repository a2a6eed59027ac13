import { writeSync } from 'node:fs';
import { ClusterError } from '@mqtt-cluster/contracts';

/**
 * Exit codes of operating errors, from sysexits.h. A service manager can therefore skip the restart after
 * errors that a restart does not fix (`RestartPreventExitStatus=78`).
 */
const exitCodes: Readonly<Record<string, number>> = {
  CONFIG: 78,
  STORE_OWNER: 78,
  STORE_FORMAT: 78,
  STORE_CORRUPT: 74,
  STORE_FAILED: 74,
  STORE_FULL: 74,
  STORE_PAGES: 74,
  STORE_LOCKED: 75,
  LISTEN: 75,
};

/** EX_SOFTWARE of sysexits.h: a programmer error. */
const softwareErrorCode = 70;
const otherClusterErrorCode = 1;

/** Returns the exit code and text for an error: one line for an operating error, the stack for a programmer error. */
export function describeExit(error: unknown): { readonly code: number; readonly text: string } {
  if (error instanceof ClusterError) {
    const line = error.message.replaceAll(/\s*\n\s*/g, ' ');
    return { code: exitCodes[error.code] ?? otherClusterErrorCode, text: `${error.code}: ${line}` };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: softwareErrorCode, text };
}

/** Writes the error to standard error synchronously and ends the process with the error's exit code. */
export function exitWithError(error: unknown): never {
  const { code, text } = describeExit(error);
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // Standard error is closed. The exit code still reports the kind of error.
  }
  process.exit(code);
}
