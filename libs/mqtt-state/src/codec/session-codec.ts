import { accessSemantics, conformanceSemantics, FrameError } from '@mqtt-cluster/contracts';
import { readConnectionAccess, writeConnectionAccess } from './access-codec.ts';
import { writeArray, writeList } from './bytes.ts';
import type { ByteReader, ByteWriter, Range } from './bytes.ts';
import { readQos, readSubscription, readWill, writeSubscription, writeWill } from './message-codec.ts';
import { Session } from '../session/session.ts';
import type { Home, TakenOverConnection, TimerKind } from '../session/session.ts';
import { scheduleExpiry } from '../session/queue-expiry.ts';
import { attachHome } from '../session/session-home.ts';
import { restoreTimer } from '../session/session-timers.ts';
import { isOutgoingPacketId } from '../session/queued-message.ts';
import type { StoredItem } from '../session/queued-message.ts';
import type { BodiesCopy } from '../bodies/bodies-copy.ts';
import type { BodyId } from '../bodies/body-content.ts';
import type { MessageBodies } from '../bodies/message-bodies.ts';
import type { EncodedState } from './encoded-state.ts';
import { readBody } from './body-codec.ts';
import type { SessionQueue } from '../session/session-queue.ts';
import type { StateData } from '../state-data.ts';
import { parseSharedFilter } from '../topics/topic-names.ts';

const timerKinds: readonly TimerKind[] = ['will', 'expiry', 'orphan'];

/** Receives the message bodies that queue items refer to. */
export interface BodySink {
  write(body: BodyId): void;
}

/** Writes a message body at its first reference, and only its number at later references. */
export class BodyWriter implements BodySink {
  readonly #writer: ByteWriter;
  readonly #bodies: BodiesCopy;
  readonly #encoded: EncodedState;
  /** The number of each body plus one, or 0 before its first reference. */
  readonly #numbers: Uint32Array;
  #count = 0;

  constructor(writer: ByteWriter, bodies: BodiesCopy, encoded: EncodedState) {
    this.#writer = writer;
    this.#encoded = encoded;
    this.#bodies = bodies;
    this.#numbers = new Uint32Array(bodies.idLimit);
  }

  write(body: BodyId): void {
    const known = this.#numbers[body]!;
    this.#writer.number(known === 0 ? this.#count : known - 1);
    if (known !== 0) return;
    this.#numbers[body] = ++this.#count;
    this.#bodies.write(this.#writer, body, this.#encoded);
  }
}

/** Reads the message bodies that {@link BodyWriter} wrote. */
export class BodyReader {
  readonly #reader: ByteReader;
  readonly #bodies: MessageBodies;
  readonly #known: BodyId[] = [];

  constructor(reader: ByteReader, bodies: MessageBodies) {
    this.#reader = reader;
    this.#bodies = bodies;
  }

  read(): BodyId {
    const number = this.#reader.number();
    const known = this.#known[number];
    if (known !== undefined) return known;
    if (number !== this.#known.length)
      throw new FrameError(`message body ${number} is referred to before it is written`);
    const { message, origin } = readBody(this.#reader);
    const body = this.#bodies.add(message, origin);
    this.#known.push(body);
    this.#bodies.trim(true);
    return body;
  }
}

/** Writes a session without the items of its queue. @param semantics the version in force */
export function writeSession(writer: ByteWriter, session: Session, semantics: number): void {
  const { home, will, takenOver, items } = session;
  writer.string(session.client);
  writer.byte(
    (home ? 1 : 0) |
      (will ? 2 : 0) |
      (session.willByHome ? 4 : 0) |
      (takenOver ? takenOverBits(takenOver) : 0),
  );
  for (const value of [session.epoch, session.expirySeconds, session.receiveMaximum]) writer.number(value);
  if (home) writeHome(writer, home);
  if (will) writeWill(writer, will);
  if (takenOver) {
    writer.number(takenOver.epoch);
    writeHome(writer, takenOver.home);
    if (takenOver.will) writeWill(writer, takenOver.will);
  }
  for (const kind of timerKinds) {
    const timer = session.timers[kind];
    writer.number(timer ? timer.sequence : 0);
    if (timer) writer.number(timer.deadline);
  }
  writeList(writer, session.subscriptions, ([, subscription]) => writeSubscription(writer, subscription));
  writeList(writer, session.incomingPacketIds, (packetId) => writer.number(packetId));
  writer.number(items.nextNumber);
  writer.number(items.nextPacketId);
  writer.number(session.sentBelow);
  writer.number(session.messagesAtDisconnect);
  writer.number(session.bytesAtDisconnect);
  if (semantics >= conformanceSemantics) writeDeliveryState(writer, session);
  if (semantics >= accessSemantics) writeSessionAccess(writer, session);
}

function takenOverBits({ will, resumed }: TakenOverConnection): number {
  return 8 | (will === null ? 16 : 0) | (resumed ? 32 : 0);
}

/** Writes the fields about the delivery of the queue that exist from `conformanceSemantics` on. */
function writeDeliveryState(writer: ByteWriter, { report, openedAt, retainedCursors }: Session): void {
  for (const value of [report.final, report.missingEpoch, report.before, openedAt]) writer.number(value);
  writeList(writer, retainedCursors, ([filter, { index, after, early }]) => {
    writer.string(filter);
    writer.number(index);
    writer.byte(after === null ? 0 : 1);
    if (after !== null) writer.string(after);
    writeList(writer, early, (topic) => writer.string(topic));
  });
}

function readDeliveryState(reader: ByteReader, session: Session): void {
  const { report, retainedCursors } = session;
  report.final = reader.number();
  report.missingEpoch = reader.number();
  report.before = reader.number();
  session.openedAt = reader.number();
  for (let left = reader.count(); left > 0; left--) {
    const filter = reader.string();
    const index = reader.number();
    const after = reader.byte() === 1 ? reader.string() : null;
    retainedCursors.set(filter, {
      filter,
      index,
      after,
      early: new Set(reader.list((list) => list.string())),
    });
  }
}

/** Writes the users of a session, which exist from `accessSemantics` on. */
function writeSessionAccess(writer: ByteWriter, { owner, access, takenOver }: Session): void {
  const former = takenOver?.access ?? null;
  writer.byte((owner === null ? 0 : 1) | (access ? 2 : 0) | (former ? 4 : 0));
  if (owner !== null) writer.string(owner);
  if (access) writeConnectionAccess(writer, access);
  if (former) writeConnectionAccess(writer, former);
}

function readSessionAccess(reader: ByteReader, session: Session): void {
  const bits = reader.byte();
  if (bits & 1) session.owner = reader.string();
  if (bits & 2) session.access = readConnectionAccess(reader);
  if (!(bits & 4)) return;
  const access = readConnectionAccess(reader);
  if (!session.takenOver)
    throw new FrameError('a session has the user of a taken over connection but not the connection');
  session.takenOver = { ...session.takenOver, access };
}

function writeHome(writer: ByteWriter, home: Home): void {
  writer.string(home.member);
  writer.string(home.storeId);
  writer.number(home.incarnation);
}

function readHome(reader: ByteReader): Home {
  return { member: reader.string(), storeId: reader.string(), incarnation: reader.number() };
}

export function writeItemCount(writer: ByteWriter, items: SessionQueue): void {
  writer.number(items.size);
}

/** Writes the items of a queue at these positions. */
export function writeItems(
  writer: ByteWriter,
  bodies: BodySink,
  items: SessionQueue,
  { from, to }: Range,
): void {
  writeItemCount(writer, items);
  for (const item of items.at(from, to)) writeItem(writer, bodies, item);
}

/** Reads a session with its queue, and adds both to the state. */
export function readSession(reader: ByteReader, bodies: BodyReader, data: StateData): void {
  const client = reader.string();
  const bits = reader.byte();
  const session = new Session(client, reader.number(), data.usage);
  session.expirySeconds = reader.number();
  session.receiveMaximum = reader.number();
  if (bits & 1) attachHome(data, session, readHome(reader));
  if (bits & 2) session.will = readWill(reader);
  if (bits & 8) {
    const epoch = reader.number();
    const home = readHome(reader);
    const takenOver = { epoch, home, will: bits & 16 ? null : readWill(reader), access: null };
    session.takenOver = bits & 32 ? { ...takenOver, resumed: true } : takenOver;
  }
  session.willByHome = (bits & 4) !== 0;
  for (const kind of timerKinds) {
    const sequence = reader.number();
    if (sequence > 0) restoreTimer(data, session, kind, reader.number(), sequence);
  }
  for (const subscription of reader.list(readSubscription)) {
    data.keepSubscription(session, subscription);
    // `readSharedSubscriptions` adds the sessions to shared subscriptions, in their own order.
    if (parseSharedFilter(subscription.filter)) continue;
    data.subscriptions.add(subscription.filter, client, { session, subscription });
  }
  for (let left = reader.count(); left > 0; left--) session.incomingPacketIds.add(reader.number());
  session.items.nextNumber = reader.number();
  session.items.nextPacketId = reader.number();
  if (!isOutgoingPacketId(session.items.nextPacketId))
    throw new FrameError(
      `packet id ${session.items.nextPacketId} is outside the range of outgoing packet ids`,
    );
  session.sentBelow = reader.number();
  session.messagesAtDisconnect = reader.number();
  session.bytesAtDisconnect = reader.number();
  if (data.semantics >= conformanceSemantics) readDeliveryState(reader, session);
  if (data.semantics >= accessSemantics) readSessionAccess(reader, session);
  data.addSession(session);
  for (let left = reader.count(); left > 0; left--) readItem(reader, bodies, data, session);
}

export function writeItem(writer: ByteWriter, bodies: BodySink, item: StoredItem): void {
  const { subscriptionIdentifiers, group } = item;
  writer.byte(
    item.qos |
      (item.retain ? 4 : 0) |
      (item.received ? 8 : 0) |
      (subscriptionIdentifiers ? 16 : 0) |
      (group !== undefined ? 32 : 0) |
      (item.retainedIndex > 0 ? 64 : 0),
  );
  writer.number(item.number);
  writer.number(item.packetId);
  if (subscriptionIdentifiers) writeArray(writer, subscriptionIdentifiers, (value) => writer.number(value));
  if (group !== undefined) writer.string(group);
  if (item.retainedIndex > 0) writer.number(item.retainedIndex);
  bodies.write(item.body);
}

function readItem(reader: ByteReader, bodies: BodyReader, data: StateData, session: Session): void {
  const bits = reader.byte();
  const number = reader.number();
  const packetId = reader.number();
  const subscriptionIdentifiers = bits & 16 ? reader.list((list) => list.number()) : undefined;
  const group = bits & 32 ? reader.string() : undefined;
  const retainedIndex = bits & 64 ? reader.number() : 0;
  const body = bodies.read();
  const retain = (bits & 4) !== 0;
  const fields = { qos: readQos(bits), retain, subscriptionIdentifiers, group, retainedIndex };
  data.keepBody(session, body);
  session.items.restore(number, body, fields, packetId, (bits & 8) !== 0);
  scheduleExpiry(data, session, number, body);
}
