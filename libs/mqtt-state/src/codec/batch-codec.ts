import { FrameError } from '@mqtt-cluster/contracts';
import type { Batch, Command, PublishCommand } from '@mqtt-cluster/contracts';
import { ByteReader, ByteWriter, writeArray } from './bytes.ts';
import { readCommand, readPublish, writeCommand, writePublish } from './command-codec.ts';
import type { UnknownCommand } from './command-codec.ts';

/** First byte of a batch: identifies the format and its version. */
const batchFormat = 0xb1;
/** First byte of an outbox item: identifies the format and its version. */
const publishesFormat = 0xb2;

/** Identifies a batch: member, store id, incarnation and sequence number. */
export type BatchHeader = Omit<Batch, 'commands'>;

/** A batch that may contain commands of newer semantics versions. */
export interface LenientBatch extends BatchHeader {
  readonly commands: readonly (Command | UnknownCommand)[];
}

/**
 * Encodes the batch of a log entry.
 * @throws RangeError a number of the batch is negative or not an integer
 */
export function encodeBatch(batch: Batch): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(batchFormat);
  writer.string(batch.member);
  writer.string(batch.storeId);
  writer.number(batch.incarnation);
  writer.number(batch.sequence);
  writeArray(writer, batch.commands, (command) => writeCommand(writer, command));
  return writer.finish();
}

/**
 * Decodes a batch. Payloads are views of `bytes`.
 * @throws FrameError the bytes are not a batch, or contain an unknown command
 */
export function decodeBatch(bytes: Uint8Array): Batch {
  const batch = decodeBatchLeniently(bytes);
  return { ...batch, commands: batch.commands.map(knownCommand) };
}

function knownCommand(command: Command | UnknownCommand): Command {
  if (command.kind === 'unknown') throw new FrameError(`command code ${command.code} is unknown`);
  return command;
}

/**
 * Decodes only the header of a batch.
 * @throws FrameError the bytes do not begin with the header of a batch
 */
export function decodeBatchHeader(bytes: Uint8Array): BatchHeader {
  return readHeader(new ByteReader(bytes));
}

/**
 * Like {@link decodeBatch}, but accepts commands of newer semantics versions.
 * @throws FrameError the bytes are not a batch
 */
export function decodeBatchLeniently(bytes: Uint8Array): LenientBatch {
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const commands = reader.list(readCommand);
  reader.finish();
  return { ...header, commands };
}

function readHeader(reader: ByteReader): BatchHeader {
  if (reader.byte() !== batchFormat) throw new FrameError('the bytes are not a batch of a known format');
  return {
    member: reader.string(),
    storeId: reader.string(),
    incarnation: reader.number(),
    sequence: reader.number(),
  };
}

/** Encodes the publishes of an outbox item. @throws RangeError as {@link encodeBatch} */
export function encodePublishes(publishes: readonly PublishCommand[]): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(publishesFormat);
  writeArray(writer, publishes, (publish) => writePublish(writer, publish));
  return writer.finish();
}

/** Decodes an outbox item. Payloads are copies. @throws FrameError the bytes are not an outbox item */
export function decodePublishes(bytes: Uint8Array): PublishCommand[] {
  const reader = new ByteReader(bytes, true);
  if (reader.byte() !== publishesFormat)
    throw new FrameError('the bytes are not an outbox item of a known format');
  const publishes = reader.list(readPublish);
  reader.finish();
  return publishes;
}
