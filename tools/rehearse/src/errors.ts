import { ClusterError } from '@mqtt-cluster/contracts';

/**
 * Reports a failed step or a violated promise. The program prints the message as one line and exits with
 * status 1.
 */
export class RehearsalError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('REHEARSAL', message, options);
  }
}
