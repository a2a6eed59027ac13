import { ClusterError } from '@mqtt-cluster/contracts';

/** A step failed, or a promise was broken. The program prints the message as one line and exits with status 1. */
export class RehearsalError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('REHEARSAL', message, options);
  }
}
