/** The tool could not do it: one line, exit status 1. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
