import { FrameError } from '@mqtt-cluster/contracts';
import type {
  AccessChange,
  AccessRule,
  AccessSource,
  AccessUser,
  ConnectionAccess,
  Revocation,
  Role,
} from '@mqtt-cluster/contracts';
import { ReplicatedAccess } from '../access/access-table.ts';
import { writeArray, writeList } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/** The position of a source or role is its code in the log and in snapshots, so no position may change. */
const sources: readonly AccessSource[] = ['anonymous', 'cluster', 'passwordFile', 'certificate', 'jwt'];
const roles: readonly Role[] = ['viewer', 'operator', 'admin'];

/** The optional lists of a rule; the position of each is its bit. */
const conditions = ['users', 'groups', 'clients', 'addresses', 'listeners'] as const;

// ---- users and rules ----

export function writeAccess(writer: ByteWriter, { version, users, rules }: ReplicatedAccess): void {
  writer.number(version);
  writeList(writer, users, ([, user]) => writeUser(writer, user));
  writeArray(writer, rules, (rule) => writeRule(writer, rule));
}

export function readAccess(reader: ByteReader): ReplicatedAccess {
  const version = reader.number();
  const users = reader.list(readUser);
  return new ReplicatedAccess(
    version,
    new Map(users.map((user) => [user.name, user])),
    reader.list(readRule),
  );
}

export function writeAccessChange(writer: ByteWriter, { users, removed, rules }: AccessChange): void {
  writer.byte((users ? 1 : 0) | (removed ? 2 : 0) | (rules ? 4 : 0));
  if (users) writeArray(writer, users, (user) => writeUser(writer, user));
  if (removed) writeTexts(writer, removed);
  if (rules) writeArray(writer, rules, (rule) => writeRule(writer, rule));
}

export function readAccessChange(reader: ByteReader): AccessChange {
  const bits = reader.byte();
  return {
    ...(bits & 1 ? { users: reader.list(readUser) } : {}),
    ...(bits & 2 ? { removed: readTexts(reader) } : {}),
    ...(bits & 4 ? { rules: reader.list(readRule) } : {}),
  };
}

function writeUser(writer: ByteWriter, { name, passwordHash, groups, role, disabled }: AccessUser): void {
  const roleCode = role === undefined ? 0 : 1 + roles.indexOf(role);
  writer.byte(roleCode | (disabled === undefined ? 0 : 8) | (disabled ? 16 : 0));
  writer.string(name);
  writer.string(passwordHash);
  writeTexts(writer, groups);
}

function readUser(reader: ByteReader): AccessUser {
  const bits = reader.byte();
  const roleCode = bits & 7;
  const role = roles[roleCode - 1];
  if (roleCode > 0 && role === undefined) throw new FrameError(`role code ${roleCode} is unknown`);
  return {
    name: reader.string(),
    passwordHash: reader.string(),
    groups: readTexts(reader),
    ...(role !== undefined && { role }),
    ...(bits & 8 ? { disabled: (bits & 16) !== 0 } : {}),
  };
}

/**
 * Writes a rule. Bits of the first byte: 0 allow, 1 publish, 2 subscribe, 3 retain present, 4 retain, 5-6 QoS
 * bound (3: absent). Bits of the second byte: 0-4 the lists that are present, 5 anonymous present, 6 anonymous.
 */
function writeRule(writer: ByteWriter, rule: AccessRule): void {
  const { effect, actions, topics, qosMax = 3, retain, anonymous } = rule;
  writer.byte(
    (effect === 'allow' ? 1 : 0) |
      (actions.includes('publish') ? 2 : 0) |
      (actions.includes('subscribe') ? 4 : 0) |
      (retain === undefined ? 0 : 8) |
      (retain ? 16 : 0) |
      (qosMax << 5),
  );
  writer.byte(
    conditions.reduce((bits, name, place) => bits | (rule[name] ? 1 << place : 0), 0) |
      (anonymous === undefined ? 0 : 32) |
      (anonymous ? 64 : 0),
  );
  writeTexts(writer, topics);
  for (const name of conditions) {
    const texts = rule[name];
    if (texts) writeTexts(writer, texts);
  }
}

function readRule(reader: ByteReader): AccessRule {
  const bits = reader.byte();
  const present = reader.byte();
  const actions: ('publish' | 'subscribe')[] = [];
  if (bits & 2) actions.push('publish');
  if (bits & 4) actions.push('subscribe');
  const topics = readTexts(reader);
  const lists: { [Name in (typeof conditions)[number]]?: string[] } = {};
  for (const [place, name] of conditions.entries())
    if (present & (1 << place)) lists[name] = readTexts(reader);
  const qosMax = (bits >> 5) & 3;
  return {
    effect: bits & 1 ? 'allow' : 'deny',
    actions,
    topics,
    ...lists,
    ...(present & 32 ? { anonymous: (present & 64) !== 0 } : {}),
    ...(qosMax === 3 ? {} : { qosMax: qosMax as 0 | 1 | 2 }),
    ...(bits & 8 ? { retain: (bits & 16) !== 0 } : {}),
  };
}

// ---- connections ----

export function writeConnectionAccess(writer: ByteWriter, access: ConnectionAccess): void {
  const { source, user, groups, address, listener, willGranted, expiresAt } = access;
  writeSource(writer, source);
  writer.byte(
    (user === undefined ? 0 : 1) |
      (groups ? 2 : 0) |
      (willGranted === undefined ? 0 : 4) |
      (willGranted ? 8 : 0) |
      (expiresAt === undefined ? 0 : 16),
  );
  if (user !== undefined) writer.string(user);
  if (groups) writeTexts(writer, groups);
  writer.string(address);
  writer.string(listener);
  if (expiresAt !== undefined) writer.number(expiresAt);
}

export function readConnectionAccess(reader: ByteReader): ConnectionAccess {
  const source = readSource(reader);
  const bits = reader.byte();
  return {
    source,
    ...(bits & 1 ? { user: reader.string() } : {}),
    ...(bits & 2 ? { groups: readTexts(reader) } : {}),
    address: reader.string(),
    listener: reader.string(),
    ...(bits & 4 ? { willGranted: (bits & 8) !== 0 } : {}),
    ...(bits & 16 ? { expiresAt: reader.number() } : {}),
  };
}

export function writeRevocation(writer: ByteWriter, { user, source, client }: Revocation): void {
  writer.byte((source === undefined ? 0 : 1) | (client === undefined ? 0 : 2));
  writer.string(user);
  if (source !== undefined) writeSource(writer, source);
  if (client !== undefined) writer.string(client);
}

export function readRevocation(reader: ByteReader): Revocation {
  const bits = reader.byte();
  const user = reader.string();
  const source = bits & 1 ? readSource(reader) : undefined;
  if (source === 'anonymous') throw new FrameError('a revocation of anonymous clients is invalid');
  return {
    user,
    ...(source !== undefined && { source }),
    ...(bits & 2 ? { client: reader.string() } : {}),
  };
}

function writeSource(writer: ByteWriter, source: AccessSource): void {
  writer.byte(sources.indexOf(source));
}

function readSource(reader: ByteReader): AccessSource {
  const code = reader.byte();
  const source = sources[code];
  if (source === undefined) throw new FrameError(`authentication source code ${code} is unknown`);
  return source;
}

function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writeArray(writer, texts, (text) => writer.string(text));
}

function readTexts(reader: ByteReader): string[] {
  return reader.list((list) => list.string());
}
