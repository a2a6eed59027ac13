/** The command failed. The message is one line; exit status 1. */
export class CommandError extends Error {
  /** True when the cluster reported that the same request may succeed later. */
  readonly later: boolean;

  constructor(message: string, options?: ErrorOptions, later = false) {
    super(message, options);
    this.name = 'CommandError';
    this.later = later;
  }
}

/** The arguments are invalid. The message is one line; exit status 2. */
export class UsageError extends CommandError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}
