/** Reports that the user's command line or input is wrong. A program prints the message as one line and exits with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}

/** Returns the message of an error, or the text of any other thrown value. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
