import { ClusterError } from '@mqtt-cluster/contracts';

/** What the user asked for makes no sense: one line, exit status 2. */
export class UsageError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

/** The rehearsal could not go on, or a promise was broken: one line, exit status 1. */
export class RehearsalError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('REHEARSAL', message, options);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
