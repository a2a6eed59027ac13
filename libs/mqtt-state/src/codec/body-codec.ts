import type { Message } from '@mqtt-cluster/contracts';
import type { BodyContent } from '../bodies/body-content.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { readMessage, writeMessage } from './message-codec.ts';

/** Writes a message and its origin. */
export function writeBody(writer: ByteWriter, { message, origin }: BodyContent): void {
  writeMessage(writer, message);
  writer.byte(origin ? 1 : 0);
  if (!origin) return;
  writer.string(origin.storeId);
  writer.number(origin.incarnation);
  writer.number(origin.sequence);
  writer.number(origin.command);
}

export function readBody(reader: ByteReader): { message: Message; origin: BodyContent['origin'] } {
  const message = readMessage(reader);
  if (reader.byte() !== 1) return { message, origin: undefined };
  const origin = {
    storeId: reader.string(),
    incarnation: reader.number(),
    sequence: reader.number(),
    command: reader.number(),
  };
  return { message, origin };
}
