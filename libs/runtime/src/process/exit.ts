import { writeSync } from 'node:fs';
import { ClusterError } from '@mqtt-cluster/contracts';

/**
 * After sysexits.h, so that a service manager can tell what a restart won't mend
 * (RestartPreventExitStatus=78).
 */
const exitCodes: Readonly<Record<string, number>> = {
  CONFIG: 78,
  STORE_OWNER: 78,
  STORE_FORMAT: 78,
  STORE_CORRUPT: 74,
  STORE_FAILED: 74,
  STORE_FULL: 74,
  STORE_LOCKED: 75,
  LISTEN: 75,
};

export const programmerErrorCode = 70;
const otherClusterErrorCode = 1;

export interface ExitWords {
  readonly code: number;
  readonly text: string;
}

/** One clear line for what an operator can mend; the stack for what only a programmer can. */
export function exitWords(error: unknown): ExitWords {
  if (error instanceof ClusterError) {
    const line = error.message.replaceAll(/\s*\n\s*/g, ' ');
    return { code: exitCodes[error.code] ?? otherClusterErrorCode, text: `${error.code}: ${line}` };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: programmerErrorCode, text };
}

/** Says why on standard error, synchronously, and ends the process. */
export function oneLineExit(error: unknown): never {
  const { code, text } = exitWords(error);
  try {
    writeSync(2, `${text}\n`);
  } catch {
    // Nobody reads standard error any more; the exit code still tells.
  }
  process.exit(code);
}
