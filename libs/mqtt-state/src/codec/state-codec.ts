import { accessSemantics, FrameError } from '@mqtt-cluster/contracts';
import type { ClusterConfig, Incarnation, MemberRole, Message } from '@mqtt-cluster/contracts';
import type { ReplicatedAccess } from '../access/access-table.ts';
import { readAccess } from './access-codec.ts';
import { ByteReader, rangeOf, writeArray, writeList, writePart } from './bytes.ts';
import type { ByteWriter, Part, Range } from './bytes.ts';
import { readSettings, settingsOf, writeSettings } from './command-codec.ts';
import { readMessage } from './message-codec.ts';
import type { TopicChange } from '../topics/retained-messages.ts';
import type { BodyCache } from '../bodies/body-content.ts';
import { BodyReader, readSession, writeSession } from './session-codec.ts';
import type { Session } from '../session/session.ts';
import { StateData } from '../state-data.ts';
import type { Proposer } from '../state-data.ts';
import { sharedSubscriptionFor } from '../topics/subscribing.ts';
import { parseSharedFilter } from '../topics/topic-names.ts';

/** First byte of an encoded state: identifies the format and its version. */
const stateFormat = 0xc1;

const roles: readonly MemberRole[] = ['voter', 'learner'];

/** Writes the large parts of a state: in full for a snapshot, or as hashes for a digest. */
export interface LargeParts {
  /** @param range positions in the queue */
  items(session: Session, range: Range): void;
  message(message: Message): void;
  access(access: ReplicatedAccess): void;
}

/** The only part of a state that is not divided. */
export const whole: Part = { part: 0, parts: 1 };

/**
 * Writes everything that is replicated. With several parts it writes only the sessions, queued messages, shared
 * subscriptions, retained messages and tombstones of one part.
 */
export function writeState(writer: ByteWriter, data: StateData, large: LargeParts, part = whole): void {
  writer.byte(stateFormat);
  for (const value of [data.index, data.timeMs, data.semantics, data.epochCounter, data.timerCounter]) {
    writer.number(value);
  }
  writeSettings(writer, data.settings, settingsOf(data.semantics));
  writer.byte(data.config ? 1 : 0);
  if (data.config) writeConfig(writer, data.config);
  writeList(writer, data.proposers, ([member, proposer]) => {
    writer.string(member);
    writeProposer(writer, proposer);
  });
  writeSessions(writer, data, large, part);
  writeSharedSubscriptions(writer, data, part);
  writeRetained(writer, data, large, part);
  if (data.semantics >= accessSemantics) large.access(data.access);
}

/** Writes the sessions and queued messages of one part. A session and each message in its queue count as one value. */
function writeSessions(writer: ByteWriter, data: StateData, large: LargeParts, part: Part): void {
  const { sessions, semantics } = data;
  writer.number(sessions.size);
  const { from, to } = rangeOf(sessions.size + data.queuedMessages, part);
  let position = 0;
  for (const session of sessions.values()) {
    if (position >= to) return;
    const items = position + 1;
    if (position >= from) writeSession(writer, session, semantics);
    position = items + session.items.size;
    if (position > from || items > from)
      large.items(session, { from: Math.max(0, from - items), to: Math.min(session.items.size, to - items) });
  }
}

/** @throws FrameError the bytes are not a state of this format */
export function decodeState(bytes: Uint8Array, cache: BodyCache | null = null): StateData {
  const reader = new ByteReader(bytes, true);
  if (reader.byte() !== stateFormat) throw new FrameError('the bytes are not a state of a known format');
  const data = new StateData(cache);
  data.index = reader.number();
  data.timeMs = reader.number();
  data.semantics = reader.number();
  data.epochCounter = reader.number();
  data.timerCounter = reader.number();
  data.settings = { ...data.settings, ...readSettings(reader) };
  if (reader.byte() === 1) data.config = readConfig(reader);
  for (let left = reader.count(); left > 0; left--) data.proposers.set(reader.string(), readProposer(reader));
  const bodies = new BodyReader(reader, data.bodies);
  // Shared subscriptions come after the sessions, because the order of sessions in a shared subscription is
  // replicated separately.
  for (let left = reader.count(); left > 0; left--) readSession(reader, bodies, data);
  readSharedSubscriptions(reader, data);
  readRetained(reader, data);
  if (data.semantics >= accessSemantics) data.access = readAccess(reader);
  reader.finish();
  data.bodies.settle();
  return data;
}

function writeConfig(writer: ByteWriter, config: ClusterConfig): void {
  writeArray(writer, config.members, ({ id, storeId, role }) => {
    writer.string(id);
    writer.string(storeId);
    writer.byte(roles.indexOf(role));
  });
}

function readConfig(reader: ByteReader): ClusterConfig {
  const members = reader.list((list) => {
    const id = list.string();
    const storeId = list.string();
    const role = roles[list.byte()];
    if (!role) throw new FrameError('the role of a member is unknown');
    return { id, storeId, role };
  });
  return { members };
}

function writeProposer(writer: ByteWriter, proposer: Proposer): void {
  writer.string(proposer.storeId);
  writer.number(proposer.incarnation);
  writer.number(proposer.sequence);
  writeList(writer, proposer.recovered, ([incarnation, sequence]) => {
    writer.number(incarnation);
    writer.number(sequence);
  });
}

function readProposer(reader: ByteReader): Proposer {
  const storeId = reader.string();
  const incarnation = reader.number();
  const sequence = reader.number();
  const recovered = new Map<Incarnation, number>();
  for (let left = reader.count(); left > 0; left--) recovered.set(reader.number(), reader.number());
  return { storeId, incarnation, sequence, recovered };
}

function writeSharedSubscriptions(writer: ByteWriter, data: StateData, part: Part): void {
  writePart(writer, data.sharedSubscriptions, part, ([key, group]) => {
    writer.string(key);
    writer.number(group.roundRobin);
    writeList(writer, group.sessions, ([client]) => writer.string(client));
  });
}

function readSharedSubscriptions(reader: ByteReader, data: StateData): void {
  for (let left = reader.count(); left > 0; left--) {
    const key = reader.string();
    const shared = parseSharedFilter(key);
    if (!shared) throw new FrameError('the name of a shared subscription is not a shared filter');
    const group = sharedSubscriptionFor(data, key, shared.filter);
    group.roundRobin = reader.number();
    for (const client of reader.list((list) => list.string())) {
      const session = data.sessions.get(client);
      if (!session?.subscriptions.has(key))
        throw new FrameError('a session of a shared subscription lacks the subscription');
      group.add(session);
    }
  }
}

function writeChange(writer: ByteWriter, change: TopicChange): void {
  writer.number(change.index);
  writer.byte(change.isolatedWriter === null ? 0 : 1);
  if (change.isolatedWriter !== null) writer.string(change.isolatedWriter);
}

function readChange(reader: ByteReader): TopicChange {
  const index = reader.number();
  return { index, isolatedWriter: reader.byte() === 1 ? reader.string() : null };
}

function writeRetained(
  writer: ByteWriter,
  { retained, semantics }: StateData,
  large: LargeParts,
  part: Part,
): void {
  writePart(writer, retained.records(), part, ({ value: entry }) => {
    if (entry === undefined) return;
    large.message(entry.message);
    writeChange(writer, entry);
    if (semantics < accessSemantics) return;
    writer.byte(entry.owner === null ? 0 : 1);
    if (entry.owner !== null) writer.string(entry.owner);
  });
  writer.number(retained.tombstonesDiscardedUpTo);
  writePart(writer, retained.tombstones, part, ([topic, change]) => {
    writer.string(topic);
    writeChange(writer, change);
  });
}

function readRetained(reader: ByteReader, { retained, semantics }: StateData): void {
  for (let left = reader.count(); left > 0; left--) {
    const message = readMessage(reader);
    const change = readChange(reader);
    const owner = semantics >= accessSemantics && reader.byte() === 1 ? reader.string() : null;
    retained.set({ message, ...change, owner });
  }
  retained.tombstonesDiscardedUpTo = reader.number();
  for (let left = reader.count(); left > 0; left--)
    retained.restoreTombstone(reader.string(), readChange(reader));
}
