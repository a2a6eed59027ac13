import { accessSemantics } from '@mqtt-cluster/contracts';
import type {
  CloseCommand,
  Command,
  LostCommand,
  ProgressCommand,
  PublishCommand,
  RecoverCommand,
  SessionProgress,
  SettingsCommand,
} from '@mqtt-cluster/contracts';
import type { BatchHeader } from '../codec/batch-codec.ts';
import { changeAccess, revoke } from '../access/access-commands.ts';
import { numericSettings, settingsOf } from '../codec/command-codec.ts';
import type { UnknownCommand } from '../codec/command-codec.ts';
import { open } from '../session/session-opening.ts';
import { publishMessage } from './publishing.ts';
import { dequeue, notifyHome } from '../session/queueing.ts';
import type { Home, Session } from '../session/session.ts';
import { applySentReport } from '../session/sent-items.ts';
import { endConnection, settleTakeover } from '../session/session-ending.ts';
import type { Origin } from '../bodies/body-content.ts';
import { alarm } from '../state-data.ts';
import type { Proposer, ApplyContext } from '../state-data.ts';
import { refillRetained } from '../topics/retained-cursors.ts';
import { subscribe, unsubscribe } from '../topics/subscribing.ts';
import type { CommandResult } from '../types.ts';

const done: CommandResult = { kind: 'done' };
const voided: CommandResult = { kind: 'void' };
const applied: CommandResult = { kind: 'published', outcome: 'applied' };
const unmatched: CommandResult = { kind: 'published', outcome: 'applied', unmatched: true };
const repeat: CommandResult = { kind: 'published', outcome: 'repeat' };
const quotaExceeded: CommandResult = { kind: 'published', outcome: 'quotaExceeded' };

/**
 * Upper bound of every numeric setting. Below this bound, the sum of a time and a setting is an exact
 * integer.
 */
const settingMax = 2 ** 48;

/** Applies one command of a batch. @param position position of the command in the batch */
export function applyCommand(
  context: ApplyContext,
  header: BatchHeader,
  proposer: Proposer,
  command: Command | UnknownCommand,
  position: number,
): CommandResult {
  const { data } = context;
  switch (command.kind) {
    case 'publish':
      return publish(context, command, header, position);
    case 'open':
      return open(context, command, homeOf(header));
    case 'close':
    case 'subscribe':
    case 'unsubscribe':
    case 'release': {
      const session = currentSession(context, command);
      if (session) return applyToSession(context, session, command, header);
      return command.kind === 'close' ? closeTakenOver(context, command, header) : voided;
    }
    case 'progress':
      return progress(context, command);
    case 'recover':
      return recover(context, command, header, proposer);
    case 'lost':
      return lost(context, command);
    case 'settings':
      return changeSettings(context, command);
    case 'semantics':
      // Semantics versions rise one by one. A leader of this cluster never skips one.
      if (command.version === data.semantics + 1) data.semantics = command.version;
      else if (command.version > data.semantics)
        alarm(
          context,
          `semantics version ${command.version} ignored: the version in force is ${data.semantics}`,
        );
      return done;
    case 'access':
      return changeAccess(context, command);
    case 'revoke':
      return revoke(context, command);
    case 'time':
      return done;
    case 'start':
      if (position > 0)
        alarm(context, `start command of ${header.member} ignored: it is not the first command of its batch`);
      return done;
    case 'unknown':
      alarm(
        context,
        `command with code ${command.code} ignored: this version does not know it; update this member`,
      );
      return done;
  }
}

function homeOf({ member, storeId, incarnation }: BatchHeader): Home {
  return { member, storeId, incarnation };
}

/** Returns the session of the command's client if the command contains the current epoch of that session. */
function currentSession(
  context: ApplyContext,
  command: { client: string; epoch: number },
): Session | undefined {
  const session = context.data.sessions.get(command.client);
  return session?.home && session.epoch === command.epoch ? session : undefined;
}

function applyToSession(
  context: ApplyContext,
  session: Session,
  command: Extract<Command, { kind: 'close' | 'subscribe' | 'unsubscribe' | 'release' }>,
  header: BatchHeader,
): CommandResult {
  switch (command.kind) {
    case 'close': {
      const { graceful, expirySeconds } = command;
      const byHome = header.member === session.home?.member;
      const changed = expirySeconds === undefined ? {} : { expirySeconds };
      endConnection(context, session, { graceful, reason: 'closed', byHome, ...changed });
      return done;
    }
    case 'subscribe':
      return subscribe(context, session, command);
    case 'unsubscribe':
      return unsubscribe(context, session, command);
    case 'release':
      session.incomingPacketIds.delete(command.packetId);
      return done;
  }
}

/** Applies the `close` of a connection that a newer connection of the client has taken over. */
function closeTakenOver(
  context: ApplyContext,
  command: CloseCommand,
  { member }: BatchHeader,
): CommandResult {
  const session = context.data.sessions.get(command.client);
  const takenOver = session?.takenOver;
  if (!session || takenOver?.epoch !== command.epoch) return voided;
  const { graceful, expirySeconds } = command;
  const changed = expirySeconds === undefined ? {} : { expirySeconds };
  settleTakeover(context, session, { graceful, byHome: member === takenOver.home.member, ...changed });
  return done;
}

function publish(
  context: ApplyContext,
  command: PublishCommand,
  header: BatchHeader,
  position: number,
): CommandResult {
  const { message, client, epoch, packetId, isolatedSince } = command;
  const { storeId, incarnation, sequence } = header;
  let session: Session | undefined;
  if (message.qos === 2 && client !== undefined && epoch !== undefined) {
    session = currentSession(context, { client, epoch });
    if (!session) return voided;
    if (packetId !== undefined && session.incomingPacketIds.has(packetId)) return repeat; // [MQTT-4.3.3-10]
    if (session.incomingPacketIds.size >= context.data.settings.incomingMax) return quotaExceeded;
  }
  const outcome = publishMessage(context, message, client, {
    member: header.member,
    origin: { storeId, incarnation, sequence, command: position },
    force: isolatedSince !== undefined,
    isolatedSince,
    superseded: session === undefined && isSuperseded(context, command),
  });
  if (outcome === 'refused') return quotaExceeded;
  if (session && packetId !== undefined) session.incomingPacketIds.add(packetId);
  return outcome === 'unmatched' ? unmatched : applied;
}

/**
 * Returns true if the client has opened a newer connection than the one on which it published the message.
 * The client may have sent the message again and then cleared the topic, so this copy must not set the
 * retained message (P5). The client no longer waits for the PUBACK of this copy.
 */
function isSuperseded(context: ApplyContext, { client, epoch, isolatedSince }: PublishCommand): boolean {
  if (client === undefined || epoch === undefined || isolatedSince !== undefined) return false;
  const session = context.data.sessions.get(client);
  return session !== undefined && session.epoch !== epoch;
}

/**
 * Publishes an outbox item once for each (incarnation, sequence), and not at all if its batch was applied
 * before.
 */
function recover(
  context: ApplyContext,
  command: RecoverCommand,
  header: BatchHeader,
  proposer: Proposer,
): CommandResult {
  const { incarnation, sequence } = command;
  if (incarnation >= header.incarnation) {
    alarm(
      context,
      `recover command of ${header.member} ignored: incarnation ${incarnation} is not an earlier one`,
    );
    return done;
  }
  if (sequence <= (proposer.recovered.get(incarnation) ?? 0)) return done;
  proposer.recovered.set(incarnation, sequence);
  for (const [position, { message, client, isolatedSince }] of command.publishes.entries()) {
    const origin: Origin = { storeId: header.storeId, incarnation, sequence, command: position };
    publishMessage(context, message, client, { member: header.member, origin, force: true, isolatedSince });
  }
  return done;
}

function progress(context: ApplyContext, command: ProgressCommand): CommandResult {
  let current = 0;
  for (const part of command.sessions) {
    applySentReport(context, part);
    const session = currentSession(context, part);
    if (!session) continue;
    current++;
    advance(context, session, part);
  }
  return current === 0 && command.sessions.length > 0 ? voided : done;
}

function advance(context: ApplyContext, session: Session, part: SessionProgress): void {
  const { items, client } = session;
  for (const number of part.done ?? []) {
    const item = items.find(number);
    // A QoS 2 item whose PUBREC is applied is removed only after PUBCOMP.
    if (item && !item.received) dequeue(context, session, number);
  }
  const received = (part.received ?? []).filter((packetId) => {
    const item = items.outgoing(packetId);
    if (item) items.markReceived(item.number);
    return item !== undefined;
  });
  const completed = (part.completed ?? []).filter((packetId) => {
    const item = items.outgoing(packetId);
    if (item) dequeue(context, session, item.number);
    return item !== undefined;
  });
  const { effects } = context;
  if (received.length > 0) effects.push({ kind: 'outgoingReceived', client, packetIds: received });
  if (completed.length > 0) effects.push({ kind: 'outgoingCompleted', client, packetIds: completed });
  if (items.fillWindow(session.receiveMaximum)) notifyHome(context, session);
  refillRetained(context, session);
}

/** Applies a `lost` command: the connections of a silent member end without DISCONNECT. */
function lost(context: ApplyContext, command: LostCommand): CommandResult {
  const { data } = context;
  const current = data.proposers.get(command.member)?.storeId;
  for (const session of data.sessionsHomedAt(command.member)) {
    const { home } = session;
    if (!home || (home.storeId === current && home.incarnation > command.incarnation)) continue;
    if (session.epoch > (command.epochMax ?? Infinity)) continue;
    endConnection(context, session, { graceful: false, reason: 'homeLost', byHome: false });
  }
  return done;
}

function changeSettings(context: ApplyContext, command: SettingsCommand): CommandResult {
  const { data } = context;
  const settings = { ...data.settings };
  if (command.settings.queueFull) settings.queueFull = command.settings.queueFull;
  for (const name of numericSettings) {
    const value = command.settings[name];
    if (value === undefined) continue;
    if (!settingsOf(context.semantics).includes(name))
      alarm(context, `cluster setting ${name} ignored: it needs semantics version ${accessSemantics}`);
    else if (Number.isSafeInteger(value) && value >= 0 && value <= settingMax) settings[name] = value;
    else
      alarm(
        context,
        `cluster setting ${name} stays ${settings[name]}: ${value} is not a whole number from 0 to 2^48`,
      );
  }
  data.settings = settings;
  return done;
}
