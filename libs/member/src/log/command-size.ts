import type { AccessChange, AccessRule, Command, Message, SessionProgress } from '@mqtt-cluster/contracts';
import { propertiesBytes } from '@mqtt-cluster/mqtt-state';

/** Approximate size of a command without its payload. Bounds on batches and queues use it. */
const commandOverheadBytes = 64;
/** Bytes of one number in a `progress` command. */
const progressNumberBytes = 5;
/** Bytes of the length of a text, and of a part of the fields beside it. */
const textOverheadBytes = 8;

/**
 * Returns the approximate size of a command in a batch. The result includes every part that has no bound on
 * its size.
 */
export function commandBytes(command: Command): number {
  switch (command.kind) {
    case 'publish':
      return commandOverheadBytes + contentBytes(command.message);
    case 'recover':
      return command.publishes.reduce(
        (bytes, publish) => bytes + commandBytes(publish),
        commandOverheadBytes,
      );
    case 'open':
      return (
        commandOverheadBytes +
        (command.will === undefined ? 0 : contentBytes(command.will)) +
        textBytes(command.access?.groups ?? [])
      );
    case 'subscribe':
      return command.subscriptions.reduce((bytes, { filter }) => bytes + filter.length, commandOverheadBytes);
    case 'unsubscribe':
      return command.filters.reduce((bytes, filter) => bytes + filter.length, commandOverheadBytes);
    case 'progress':
      return command.sessions.reduce(
        (bytes, session) => bytes + progressBytes(session),
        commandOverheadBytes,
      );
    case 'access':
      return commandOverheadBytes + accessChangeBytes(command);
    default:
      return commandOverheadBytes;
  }
}

/** Returns the approximate size of a change of users and rules in a batch. */
export function accessChangeBytes({ users = [], removed = [], rules = [] }: AccessChange): number {
  return (
    textBytes(removed) +
    users.reduce(
      (bytes, { name, passwordHash, groups }) => bytes + textBytes([name, passwordHash, ...groups]),
      0,
    ) +
    rules.reduce((bytes, rule) => bytes + ruleBytes(rule), 0)
  );
}

function ruleBytes({ topics, users, groups, clients, addresses, listeners }: AccessRule): number {
  return [topics, users, groups, clients, addresses, listeners].reduce(
    (bytes, texts = []) => bytes + textBytes(texts),
    0,
  );
}

function textBytes(texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + textOverheadBytes + Buffer.byteLength(text), 0);
}

function contentBytes({
  payload,
  topic,
  properties,
}: Pick<Message, 'payload' | 'topic' | 'properties'>): number {
  const bytes = payload.length + topic.length;
  return properties === undefined ? bytes : bytes + propertiesBytes(properties);
}

function progressBytes({ client, done = [], received = [], completed = [] }: SessionProgress): number {
  return client.length + (done.length + received.length + completed.length) * progressNumberBytes;
}
