/**
 * Reports that a fault, a build or a broker of the torture failed. The program prints the message and exits
 * with status 1.
 */
export class TortureError extends Error {
  override readonly name = 'TortureError';
}
