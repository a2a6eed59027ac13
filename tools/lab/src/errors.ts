import { ClusterError } from '@mqtt-cluster/contracts';

/**
 * Reports that the lab could not carry out a command of the user. The program prints the message as one line and exits
 * with status 1.
 */
export class LabError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('LAB', message, options);
  }
}
