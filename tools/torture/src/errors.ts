/** Reports a command of the torture that failed. The program prints the message and exits with status 1. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}
