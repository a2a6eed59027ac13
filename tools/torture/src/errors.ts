/** The torture could not carry out a command. The program prints the message as one line and exits with status 1. */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}
