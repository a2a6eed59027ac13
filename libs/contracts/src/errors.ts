/** Base of all operating errors: a stable `code`, one clear sentence, and the cause kept. */
export class ClusterError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

export class ConfigError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

export class StoreOwnerError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_OWNER', message, options);
  }
}

export class StoreFormatError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FORMAT', message, options);
  }
}

export class StoreLockedError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_LOCKED', message, options);
  }
}

export class StoreCorruptError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_CORRUPT', message, options);
  }
}

export class StoreFailedError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FAILED', message, options);
  }
}

export class StoreFullError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FULL', message, options);
  }
}

/** A frame of a peer that is wrong in any way: refused and counted, never fatal. */
export class FrameError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('FRAME', message, options);
  }
}

export class ListenError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('LISTEN', message, options);
  }
}
