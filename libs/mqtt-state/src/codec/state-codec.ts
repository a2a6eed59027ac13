import { FrameError } from '@mqtt-cluster/contracts';
import type { ClusterConfig, Incarnation, MemberRole, Message } from '@mqtt-cluster/contracts';
import { ByteReader, ByteWriter, writeArray, writeList } from './bytes.ts';
import { readSettings, writeSettings } from './command-codec.ts';
import { readMessage, writeMessage } from './message-codec.ts';
import type { TopicChange } from '../topics/retained-messages.ts';
import { BodyReader, BodyWriter, readSession, writeItems, writeSession } from './session-codec.ts';
import type { Session } from '../session/session.ts';
import { StateData } from '../state-data.ts';
import type { Proposer } from '../state-data.ts';
import { sharedSubscriptionFor } from '../topics/subscribing.ts';
import { parseSharedFilter } from '../topics/topic-names.ts';

/** First byte of a state: format and version in one. */
const stateFormat = 0xc1;

const roles: readonly MemberRole[] = ['voter', 'learner'];

/** How the large parts are written: in full, or as hashes of them. */
export interface LargeParts {
  items(session: Session): void;
  message(message: Message): void;
}

/**
 * Canonical: everything stands in an order that is itself replicated (that of insertion), and a decoded state
 * goes on in the same order.
 */
export function encodeState(data: StateData): Uint8Array {
  const writer = new ByteWriter();
  const bodies = new BodyWriter(writer);
  writeState(writer, data, {
    items: (session) => writeItems(writer, bodies, session.items),
    message: (message) => writeMessage(writer, message),
  });
  return writer.finish();
}

export function writeState(writer: ByteWriter, data: StateData, large: LargeParts): void {
  writer.byte(stateFormat);
  for (const value of [data.index, data.timeMs, data.semantics, data.epochCounter, data.timerCounter]) {
    writer.number(value);
  }
  writeSettings(writer, data.settings);
  writer.byte(data.config ? 1 : 0);
  if (data.config) writeConfig(writer, data.config);
  writeList(writer, data.proposers, ([member, proposer]) => {
    writer.string(member);
    writeProposer(writer, proposer);
  });
  writeList(writer, data.sessions, ([, session]) => {
    writeSession(writer, session);
    large.items(session);
  });
  writeGroups(writer, data);
  writeRetained(writer, data, large);
}

/** @throws FrameError the bytes are no state of this format. */
export function decodeState(bytes: Uint8Array): StateData {
  const reader = new ByteReader(bytes, true);
  if (reader.byte() !== stateFormat) throw new FrameError('These bytes are no state of a known format.');
  const data = new StateData();
  data.index = reader.number();
  data.timeMs = reader.number();
  data.semantics = reader.number();
  data.epochCounter = reader.number();
  data.timerCounter = reader.number();
  data.settings = { ...data.settings, ...readSettings(reader) };
  if (reader.byte() === 1) data.config = readConfig(reader);
  for (let left = reader.count(); left > 0; left--) data.proposers.set(reader.string(), readProposer(reader));
  const bodies = new BodyReader(reader);
  // Groups come after the sessions, but the order of their members is their own.
  for (let left = reader.count(); left > 0; left--) readSession(reader, bodies, data);
  readGroups(reader, data);
  readRetained(reader, data);
  reader.finish();
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
    if (!role) throw new FrameError('There is no such role of a member.');
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

function writeGroups(writer: ByteWriter, data: StateData): void {
  writeList(writer, data.sharedSubscriptions, ([key, group]) => {
    writer.string(key);
    writer.number(group.roundRobin);
    writeList(writer, group.sessions, ([client]) => writer.string(client));
  });
}

function readGroups(reader: ByteReader, data: StateData): void {
  for (let left = reader.count(); left > 0; left--) {
    const key = reader.string();
    const shared = parseSharedFilter(key);
    if (!shared) throw new FrameError('The name of a group is no shared filter.');
    const group = sharedSubscriptionFor(data, key, shared.filter);
    group.roundRobin = reader.number();
    for (const client of reader.list((list) => list.string())) {
      const session = data.sessions.get(client);
      if (!session?.subscriptions.has(key))
        throw new FrameError('A member of a group is not subscribed to it.');
      group.sessions.set(client, session);
    }
  }
}

function writeChange(writer: ByteWriter, change: TopicChange): void {
  writer.number(change.index);
  writer.byte(change.isolatedStore === null ? 0 : 1);
  if (change.isolatedStore !== null) writer.string(change.isolatedStore);
}

function readChange(reader: ByteReader): TopicChange {
  const index = reader.number();
  return { index, isolatedStore: reader.byte() === 1 ? reader.string() : null };
}

function writeRetained(writer: ByteWriter, { retained }: StateData, large: LargeParts): void {
  writer.number(retained.size);
  for (const [, entry] of retained.entries()) {
    large.message(entry.message);
    writeChange(writer, entry);
  }
  writer.number(retained.tombstonesDiscardedUpTo);
  writeList(writer, retained.tombstones, ([topic, change]) => {
    writer.string(topic);
    writeChange(writer, change);
  });
}

function readRetained(reader: ByteReader, { retained }: StateData): void {
  for (let left = reader.count(); left > 0; left--) {
    const message = readMessage(reader);
    retained.set({ message, ...readChange(reader) });
  }
  retained.tombstonesDiscardedUpTo = reader.number();
  for (let left = reader.count(); left > 0; left--)
    retained.tombstones.set(reader.string(), readChange(reader));
}
