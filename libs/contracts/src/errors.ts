/**
 * Base class of all operating errors: a stable `code`, a message of one clear sentence, and the original
 * `cause`. The process exits with a status that depends on the code (`libs/runtime/src/process/exit.ts`).
 */
export class ClusterError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The configuration is invalid. The message contains the name of the setting. */
export class ConfigError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

/** The store's directory belongs to another member. */
export class StoreOwnerError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_OWNER', message, options);
  }
}

/** The format of the stored data is newer than this program, or too old to be migrated. */
export class StoreFormatError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FORMAT', message, options);
  }
}

/** Another process has the store open. */
export class StoreLockedError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_LOCKED', message, options);
  }
}

/** Synced data is damaged or missing. No crash can have caused that, so the store is not repaired. */
export class StoreCorruptError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_CORRUPT', message, options);
  }
}

/**
 * A write or sync failed, and the state of the disk is unknown. The store refuses all writes until it is
 * reopened.
 */
export class StoreFailedError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FAILED', message, options);
  }
}

/** The disk is full. The store refused the write as a whole; later writes may succeed. */
export class StoreFullError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_FULL', message, options);
  }
}

/**
 * A peer sent an invalid frame. The receiver rejects and counts the frame; the error never stops a member.
 */
export class FrameError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('FRAME', message, options);
  }
}

/** A listener could not be started: its port is in use, or another process already runs as this member. */
export class ListenError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('LISTEN', message, options);
  }
}

/** A file of access rules is invalid. The message contains the line or the rule, and the field. */
export class RulesError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('RULES', message, options);
  }
}

/** A queued message cannot be read again from its page. The member must end: it recovers from its log and snapshots. */
export class MessagePageError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_PAGES', message, options);
  }
}
