import { FrameError } from '@mqtt-cluster/contracts';
import { writeArray, writeList } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import {
  readMessage,
  readQos,
  readSubscription,
  readWill,
  writeMessage,
  writeSubscription,
  writeWill,
} from './message-codec.ts';
import { bodyBytes } from '../session/queueing.ts';
import { Session } from '../session/session.ts';
import type { TimerKind } from '../session/session.ts';
import { attachHome, restoreTimer } from '../session/session-timers.ts';
import { isOutgoingPacketId, QueueEntry } from '../session/session-queue.ts';
import type { Body, SessionQueue } from '../session/session-queue.ts';
import type { StateData } from '../state-data.ts';
import { parseShare } from '../topics/topic-names.ts';

const timerKinds: readonly TimerKind[] = ['will', 'end', 'orphan'];

export interface BodySink {
  write(body: Body): void;
}

/** Writes a body where it is first referred to; later only its number. */
export class BodyWriter implements BodySink {
  readonly #writer: ByteWriter;
  readonly #numbers = new Map<Body, number>();

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  write(body: Body): void {
    const known = this.#numbers.get(body);
    this.#writer.number(known ?? this.#numbers.size);
    if (known !== undefined) return;
    this.#numbers.set(body, this.#numbers.size);
    writeBody(this.#writer, body);
  }
}

export function writeBody(writer: ByteWriter, { message, origin }: Body): void {
  writeMessage(writer, message);
  writer.byte(origin ? 1 : 0);
  if (!origin) return;
  writer.string(origin.storeId);
  writer.number(origin.incarnation);
  writer.number(origin.sequence);
  writer.number(origin.command);
}

export class BodyReader {
  readonly #reader: ByteReader;
  readonly #bodies: Body[] = [];

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  read(): Body {
    const reader = this.#reader;
    const number = reader.number();
    const known = this.#bodies[number];
    if (known) return known;
    if (number !== this.#bodies.length) throw new FrameError('A message is referred to before it is given.');
    const message = readMessage(reader);
    const origin =
      reader.byte() === 1
        ? {
            storeId: reader.string(),
            incarnation: reader.number(),
            sequence: reader.number(),
            command: reader.number(),
          }
        : undefined;
    const body: Body = { message, origin, bytes: bodyBytes(message), references: 0 };
    this.#bodies.push(body);
    return body;
  }
}

/** All but the items themselves. */
export function writeSession(writer: ByteWriter, session: Session): void {
  const { home, will, items } = session;
  writer.string(session.client);
  writer.byte((home ? 1 : 0) | (will ? 2 : 0) | (session.willByHome ? 4 : 0));
  for (const value of [session.epoch, session.expirySeconds, session.receiveMaximum]) writer.number(value);
  if (home) {
    writer.string(home.member);
    writer.string(home.storeId);
    writer.number(home.incarnation);
  }
  if (will) writeWill(writer, will);
  for (const kind of timerKinds) {
    const timer = session.timers[kind];
    writer.number(timer ? timer.sequence : 0);
    if (timer) writer.number(timer.deadline);
  }
  writeList(writer, session.subscriptions, ([, subscription]) => writeSubscription(writer, subscription));
  writeList(writer, session.incoming, (packetId) => writer.number(packetId));
  writer.number(items.nextNumber);
  writer.number(items.nextPacketId);
  writer.number(session.sentBelow);
  writer.number(session.carriedMessages);
  writer.number(session.carriedBytes);
}

export function writeItems(writer: ByteWriter, bodies: BodySink, items: SessionQueue): void {
  writer.number(items.size);
  for (const entry of items.from(0)) writeEntry(writer, bodies, entry);
}

export function readSession(reader: ByteReader, bodies: BodyReader, data: StateData): void {
  const client = reader.string();
  const bits = reader.byte();
  const session = new Session(client, reader.number());
  session.expirySeconds = reader.number();
  session.receiveMaximum = reader.number();
  data.sessions.set(client, session);
  if (bits & 1) {
    attachHome(data, session, {
      member: reader.string(),
      storeId: reader.string(),
      incarnation: reader.number(),
    });
  }
  if (bits & 2) session.will = readWill(reader);
  session.willByHome = (bits & 4) !== 0;
  for (const kind of timerKinds) {
    const sequence = reader.number();
    if (sequence > 0) restoreTimer(data, session, kind, reader.number(), sequence);
  }
  for (const subscription of reader.list(readSubscription)) {
    session.subscriptions.set(subscription.filter, subscription);
    data.subscriptionCount++;
    // Shared ones are put together by their groups.
    if (parseShare(subscription.filter)) continue;
    data.subscriptions.add(subscription.filter, client, { session, subscription });
  }
  for (let left = reader.count(); left > 0; left--) session.incoming.add(reader.number());
  session.items.nextNumber = reader.number();
  session.items.nextPacketId = reader.number();
  if (!isOutgoingPacketId(session.items.nextPacketId))
    throw new FrameError('A packet id is out of its range.');
  session.sentBelow = reader.number();
  session.carriedMessages = reader.number();
  session.carriedBytes = reader.number();
  for (let left = reader.count(); left > 0; left--) {
    const entry = readEntry(reader, bodies);
    data.keepBody(entry.body);
    session.items.restore(entry);
  }
}

function writeEntry(writer: ByteWriter, bodies: BodySink, entry: QueueEntry): void {
  const { subscriptionIdentifiers, group } = entry;
  writer.byte(
    entry.qos |
      (entry.retain ? 4 : 0) |
      (entry.received ? 8 : 0) |
      (subscriptionIdentifiers ? 16 : 0) |
      (group !== undefined ? 32 : 0) |
      (entry.retainedIndex > 0 ? 64 : 0),
  );
  writer.number(entry.number);
  writer.number(entry.packetId);
  if (subscriptionIdentifiers) writeArray(writer, subscriptionIdentifiers, (value) => writer.number(value));
  if (group !== undefined) writer.string(group);
  if (entry.retainedIndex > 0) writer.number(entry.retainedIndex);
  bodies.write(entry.body);
}

function readEntry(reader: ByteReader, bodies: BodyReader): QueueEntry {
  const bits = reader.byte();
  const number = reader.number();
  const packetId = reader.number();
  const identifiers = bits & 16 ? reader.list((list) => list.number()) : undefined;
  const group = bits & 32 ? reader.string() : undefined;
  const retainedIndex = bits & 64 ? reader.number() : 0;
  const body = bodies.read();
  const retain = (bits & 4) !== 0;
  const entry = new QueueEntry(number, body, readQos(bits), retain, identifiers, group, retainedIndex);
  entry.packetId = packetId;
  entry.received = (bits & 8) !== 0;
  return entry;
}
