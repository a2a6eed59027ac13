import { ClusterError } from '@mqtt-cluster/contracts';

/** The lab could not carry out a command. The program prints the message as one line and exits with status 1. */
export class LabError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('LAB', message, options);
  }
}
