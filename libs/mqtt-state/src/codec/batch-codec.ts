import { FrameError } from '@mqtt-cluster/contracts';
import type { Batch, Command, PublishCommand } from '@mqtt-cluster/contracts';
import { ByteReader, ByteWriter, writeArray } from './bytes.ts';
import { readCommand, readPublish, writeCommand, writePublish } from './command-codec.ts';
import type { UnknownCommand } from './command-codec.ts';

/** First byte of a batch: format and version in one. */
const batchFormat = 0xb1;
const publishesFormat = 0xb2;

export type BatchHeader = Omit<Batch, 'commands'>;

export interface LenientBatch extends BatchHeader {
  readonly commands: readonly (Command | UnknownCommand)[];
}

/** @throws RangeError a number of the batch is negative or no integer. */
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

/** Payloads are views of `bytes`. @throws FrameError the bytes are no batch, or hold a command not known here. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const batch = decodeBatchLeniently(bytes);
  return { ...batch, commands: batch.commands.map(knownCommand) };
}

function knownCommand(command: Command | UnknownCommand): Command {
  if (command.kind === 'unknown') throw new FrameError(`There is no command with the code ${command.code}.`);
  return command;
}

/** As {@link decodeBatch}, without looking at the commands. @throws FrameError */
export function decodeBatchHeader(bytes: Uint8Array): BatchHeader {
  return readHeader(new ByteReader(bytes));
}

/** As {@link decodeBatch}, with commands that only a newer version knows. @throws FrameError */
export function decodeBatchLeniently(bytes: Uint8Array): LenientBatch {
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const commands = reader.list(readCommand);
  reader.finish();
  return { ...header, commands };
}

function readHeader(reader: ByteReader): BatchHeader {
  if (reader.byte() !== batchFormat) throw new FrameError('These bytes are no batch of a known format.');
  return {
    member: reader.string(),
    storeId: reader.string(),
    incarnation: reader.number(),
    sequence: reader.number(),
  };
}

/** For the outbox. @throws RangeError as {@link encodeBatch} */
export function encodePublishes(publishes: readonly PublishCommand[]): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(publishesFormat);
  writeArray(writer, publishes, (publish) => writePublish(writer, publish));
  return writer.finish();
}

/** Payloads are copies. @throws FrameError the bytes are no publishes. */
export function decodePublishes(bytes: Uint8Array): PublishCommand[] {
  const reader = new ByteReader(bytes, true);
  if (reader.byte() !== publishesFormat)
    throw new FrameError('These bytes are no publishes of a known format.');
  const publishes = reader.list(readPublish);
  reader.finish();
  return publishes;
}
