/** What the sessions of one user, or the session of one client without a user, hold in the replicated state. */
export class Account {
  readonly key: string;
  /**
   * True for the account of a user. A message in the queues of several sessions of the user counts once.
   */
  readonly isUser: boolean;
  /** Bytes of memory of queued messages. */
  queueBytes = 0;
  /** Bytes of payload and topic of queued messages. */
  queuedBytes = 0;
  retainedMessages = 0;
  retainedBytes = 0;
  subscriptionBytes = 0;
  willBytes = 0;
  /** Sessions and retained messages that refer to this account. */
  references = 0;

  constructor(key: string, isUser: boolean) {
    this.key = key;
    this.isUser = isUser;
  }
}
