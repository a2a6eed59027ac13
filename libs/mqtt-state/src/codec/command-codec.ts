import { accessSemantics, defaultSettings, FrameError } from '@mqtt-cluster/contracts';
import type {
  ClusterSettings,
  SettingsChange,
  Command,
  OpenCommand,
  PublishCommand,
  SessionProgress,
} from '@mqtt-cluster/contracts';
import {
  readAccessChange,
  readConnectionAccess,
  readRevocation,
  writeAccessChange,
  writeConnectionAccess,
  writeRevocation,
} from './access-codec.ts';
import { writeArray } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import {
  readMessage,
  readSubscription,
  readWill,
  writeMessage,
  writeSubscription,
  writeWill,
} from './message-codec.ts';

/**
 * A command of a newer semantics version. A program that does not support this version ignores the command.
 */
export interface UnknownCommand {
  readonly kind: 'unknown';
  readonly code: number;
}

/** The code of each kind of command in the log. A code must never change. */
const codes = {
  start: 1,
  open: 2,
  close: 3,
  subscribe: 4,
  unsubscribe: 5,
  publish: 6,
  release: 7,
  progress: 8,
  recover: 9,
  lost: 10,
  time: 11,
  settings: 12,
  semantics: 13,
  access: 14,
  revoke: 15,
} as const satisfies Record<Command['kind'], number>;

type NumericSetting = Exclude<keyof ClusterSettings, 'queueFull'>;

/** The code of each numeric setting in a `settings` command. A new setting gets the next free code. */
const settingCodes = {
  queuedMessagesMax: 0,
  queuedBytesMax: 1,
  sessionsMax: 2,
  clusterQueuedBytesMax: 3,
  incomingMax: 4,
  sessionExpirySecondsMax: 5,
  orphanGraceMs: 6,
  retainedMax: 7,
  connectedQueuedMessagesMax: 8,
  connectedQueuedBytesMax: 9,
  clusterQueueMemoryMax: 10,
  connectedQueueReserve: 11,
  retainedBytesMax: 12,
  userRetainedBytesMax: 13,
  sessionSubscriptionsMax: 14,
  sessionSubscriptionBytesMax: 15,
  subscriptionBytesMax: 16,
  sessionWillBytesMax: 17,
  willBytesMax: 18,
  userSessionsMax: 19,
  userQueueMemoryMax: 20,
} as const satisfies Record<NumericSetting, number>;

/** All numeric settings, by ascending code. */
export const numericSettings: readonly NumericSetting[] = Object.entries(settingCodes)
  .sort(([, left], [, right]) => left - right)
  .map(([name]) => name as NumericSetting);

/** The settings that a semantics version knows. A program of an older version rejects the code of a newer one. */
export function settingsOf(semantics: number): readonly NumericSetting[] {
  return semantics >= accessSemantics ? numericSettings : olderSettings;
}

/** Settings before `accessSemantics`. */
const olderSettings = numericSettings.filter(
  (name) => settingCodes[name] <= settingCodes.connectedQueuedBytesMax,
);

export function writeCommand(writer: ByteWriter, command: Command): void {
  writer.byte(codes[command.kind]);
  const block = writer.beginBlock();
  writeBody(writer, command);
  writer.endBlock(block);
}

export function readCommand(reader: ByteReader): Command | UnknownCommand {
  const code = reader.byte();
  if (code === codes.publish) return reader.block(readPublish);
  return reader.block((body) => readBody(body, code));
}

function writeBody(writer: ByteWriter, command: Command): void {
  switch (command.kind) {
    case 'publish':
      return writePublish(writer, command);
    case 'start':
      writer.number(command.semantics);
      return writeArray(writer, command.outboxIncarnations, (incarnation) => writer.number(incarnation));
    case 'open':
      return writeOpen(writer, command);
    case 'close':
      writer.byte((command.graceful ? 1 : 0) | (command.expirySeconds !== undefined ? 2 : 0));
      writeConnection(writer, command);
      if (command.expirySeconds !== undefined) writer.number(command.expirySeconds);
      return;
    case 'subscribe':
      writeConnection(writer, command);
      return writeArray(writer, command.subscriptions, (value) => writeSubscription(writer, value));
    case 'unsubscribe':
      writeConnection(writer, command);
      return writeArray(writer, command.filters, (filter) => writer.string(filter));
    case 'release':
      writeConnection(writer, command);
      return writer.number(command.packetId);
    case 'progress':
      return writeArray(writer, command.sessions, (session) => writeProgress(writer, session));
    case 'recover':
      writer.number(command.incarnation);
      writer.number(command.sequence);
      return writeArray(writer, command.publishes, (publish) => writePublish(writer, publish));
    case 'lost':
      writer.string(command.member);
      writer.number(command.incarnation);
      return writer.number(command.epochMax ?? 0);
    case 'time':
      return;
    case 'settings':
      return writeSettings(writer, command.settings);
    case 'semantics':
      return writer.number(command.version);
    case 'access':
      return writeAccessChange(writer, command);
    case 'revoke':
      return writeRevocation(writer, command);
  }
}

function readBody(reader: ByteReader, code: number): Command | UnknownCommand {
  switch (code) {
    case codes.start:
      return {
        kind: 'start',
        semantics: reader.number(),
        outboxIncarnations: reader.list((list) => list.number()),
      };
    case codes.open:
      return readOpen(reader);
    case codes.close: {
      const bits = reader.byte();
      const connection = readConnection(reader);
      const expiry = bits & 2 ? { expirySeconds: reader.number() } : {};
      return { kind: 'close', ...connection, graceful: (bits & 1) !== 0, ...expiry };
    }
    case codes.subscribe:
      return { kind: 'subscribe', ...readConnection(reader), subscriptions: reader.list(readSubscription) };
    case codes.unsubscribe:
      return {
        kind: 'unsubscribe',
        ...readConnection(reader),
        filters: reader.list((list) => list.string()),
      };
    case codes.release:
      return { kind: 'release', ...readConnection(reader), packetId: reader.number() };
    case codes.progress:
      return { kind: 'progress', sessions: reader.list(readProgress) };
    case codes.recover:
      return {
        kind: 'recover',
        incarnation: reader.number(),
        sequence: reader.number(),
        publishes: reader.list(readPublish),
      };
    case codes.lost:
      return readLost(reader);
    case codes.time:
      return { kind: 'time' };
    case codes.settings:
      return { kind: 'settings', settings: readSettings(reader) };
    case codes.semantics:
      return { kind: 'semantics', version: reader.number() };
    case codes.access:
      return { kind: 'access', ...readAccessChange(reader) };
    case codes.revoke:
      return { kind: 'revoke', ...readRevocation(reader) };
    default:
      reader.skipRest();
      return { kind: 'unknown', code };
  }
}

function writeConnection(writer: ByteWriter, connection: { client: string; epoch: number }): void {
  writer.string(connection.client);
  writer.number(connection.epoch);
}

function readConnection(reader: ByteReader): { client: string; epoch: number } {
  return { client: reader.string(), epoch: reader.number() };
}

function writeOpen(writer: ByteWriter, command: OpenCommand): void {
  writer.byte(
    (command.clean ? 1 : 0) |
      (command.adopt ? 2 : 0) |
      (command.will ? 4 : 0) |
      (command.access ? 8 : 0) |
      (command.noReport ? 16 : 0),
  );
  writer.string(command.client);
  writer.number(command.expirySeconds);
  writer.number(command.receiveMaximum);
  if (command.will) writeWill(writer, command.will);
  if (command.access) writeConnectionAccess(writer, command.access);
}

function readOpen(reader: ByteReader): OpenCommand {
  const bits = reader.byte();
  return {
    kind: 'open',
    client: reader.string(),
    clean: (bits & 1) !== 0,
    expirySeconds: reader.number(),
    receiveMaximum: reader.number(),
    ...(bits & 4 ? { will: readWill(reader) } : {}),
    ...(bits & 2 ? { adopt: true } : {}),
    ...(bits & 8 ? { access: readConnectionAccess(reader) } : {}),
    ...(bits & 16 ? { noReport: true } : {}),
  };
}

export function writePublish(writer: ByteWriter, command: PublishCommand): void {
  writer.byte(
    (command.client !== undefined ? 1 : 0) |
      (command.epoch !== undefined ? 2 : 0) |
      (command.packetId !== undefined ? 4 : 0) |
      (command.isolatedSince !== undefined ? 8 : 0),
  );
  if (command.client !== undefined) writer.string(command.client);
  if (command.epoch !== undefined) writer.number(command.epoch);
  if (command.packetId !== undefined) writer.number(command.packetId);
  if (command.isolatedSince !== undefined) writer.number(command.isolatedSince);
  writeMessage(writer, command.message, command.client);
}

export function readPublish(reader: ByteReader): PublishCommand {
  const bits = reader.byte();
  const client = bits & 1 ? reader.string() : undefined;
  const epoch = bits & 2 ? reader.number() : undefined;
  const packetId = bits & 4 ? reader.number() : undefined;
  const isolatedSince = bits & 8 ? reader.number() : undefined;
  const command: { -readonly [Key in keyof PublishCommand]: PublishCommand[Key] } = {
    kind: 'publish',
    message: readMessage(reader, client),
  };
  if (client !== undefined) command.client = client;
  if (epoch !== undefined) command.epoch = epoch;
  if (packetId !== undefined) command.packetId = packetId;
  if (isolatedSince !== undefined) command.isolatedSince = isolatedSince;
  return command;
}

function readLost(reader: ByteReader): Command {
  const base = { kind: 'lost' as const, member: reader.string(), incarnation: reader.number() };
  const epochMax = reader.number();
  return epochMax === 0 ? base : { ...base, epochMax };
}

function writeProgress(writer: ByteWriter, progress: SessionProgress): void {
  writer.byte(
    (progress.done ? 1 : 0) |
      (progress.received ? 2 : 0) |
      (progress.completed ? 4 : 0) |
      (progress.sentBelow !== undefined ? 8 : 0),
  );
  writeConnection(writer, progress);
  for (const numbers of [progress.done, progress.received, progress.completed]) {
    if (numbers) writeArray(writer, numbers, (value) => writer.number(value));
  }
  if (progress.sentBelow !== undefined) writer.number(progress.sentBelow);
}

function readProgress(reader: ByteReader): SessionProgress {
  const bits = reader.byte();
  const connection = readConnection(reader);
  const numbers = (): number[] => reader.list((list) => list.number());
  return {
    ...connection,
    ...(bits & 1 ? { done: numbers() } : {}),
    ...(bits & 2 ? { received: numbers() } : {}),
    ...(bits & 4 ? { completed: numbers() } : {}),
    ...(bits & 8 ? { sentBelow: reader.number() } : {}),
  };
}

/**
 * Writes changed settings. Their values are checked when the command is applied, because an operator can pass
 * any number.
 * @param names the settings that are written
 */
export function writeSettings(
  writer: ByteWriter,
  settings: SettingsChange,
  names: readonly NumericSetting[] = numericSettings,
): void {
  writer.byte(settings.queueFull === undefined ? 0 : settings.queueFull === 'refuse' ? 2 : 1);
  const given = names.filter((name) => settings[name] !== undefined);
  writeArray(writer, given, (name) => {
    writer.byte(settingCodes[name]);
    writer.double(settings[name] ?? defaultSettings[name]);
  });
}

export function readSettings(reader: ByteReader): SettingsChange {
  const settings: { -readonly [Key in keyof ClusterSettings]?: ClusterSettings[Key] } = {};
  const queueFull = reader.byte();
  if (queueFull > 2) throw new FrameError(`queueFull code ${queueFull} is unknown`);
  if (queueFull !== 0) settings.queueFull = queueFull === 2 ? 'refuse' : 'drop-oldest';
  const count = reader.count();
  for (let position = 0; position < count; position++) {
    const code = reader.byte();
    const name = numericSettings[code];
    if (name === undefined) throw new FrameError(`setting code ${code} is unknown`);
    settings[name] = reader.double();
  }
  return settings;
}
