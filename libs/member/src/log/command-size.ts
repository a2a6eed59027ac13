import type { Command, SessionProgress } from '@mqtt-cluster/contracts';

/** Approximate size of a command without its payload. Bounds on batches and queues use it. */
const commandOverheadBytes = 64;
/** Bytes of one number in a `progress` command. */
const progressNumberBytes = 5;

/**
 * Returns the approximate size of a command in a batch. The result includes every part that has no bound on
 * its size.
 */
export function commandBytes(command: Command): number {
  switch (command.kind) {
    case 'publish':
      return commandOverheadBytes + command.message.payload.length + command.message.topic.length;
    case 'recover':
      return command.publishes.reduce(
        (bytes, publish) => bytes + commandBytes(publish),
        commandOverheadBytes,
      );
    case 'open':
      return commandOverheadBytes + (command.will?.payload.length ?? 0) + (command.will?.topic.length ?? 0);
    case 'subscribe':
      return command.subscriptions.reduce((bytes, { filter }) => bytes + filter.length, commandOverheadBytes);
    case 'unsubscribe':
      return command.filters.reduce((bytes, filter) => bytes + filter.length, commandOverheadBytes);
    case 'progress':
      return command.sessions.reduce(
        (bytes, session) => bytes + progressBytes(session),
        commandOverheadBytes,
      );
    default:
      return commandOverheadBytes;
  }
}

function progressBytes({ client, done = [], received = [], completed = [] }: SessionProgress): number {
  return client.length + (done.length + received.length + completed.length) * progressNumberBytes;
}
