import { historyFormat } from './events.ts';
import type { Header, HistoryEvent, HistoryLine } from './events.ts';
import { HistoryError } from './history-error.ts';

type Json = Readonly<Record<string, unknown>>;
type Kind = 'number' | 'string' | 'boolean' | 'array' | 'expiry' | 'will';

/** Required fields of each event, in addition to `type` and `at`. The file omits booleans that are false. */
const fieldsOf: Readonly<Record<HistoryEvent['type'], Readonly<Record<string, Kind>>>> = {
  connect: {
    connection: 'number',
    clientId: 'string',
    server: 'string',
    version: 'number',
    clean: 'boolean',
    expirySeconds: 'expiry',
    will: 'will',
  },
  connected: { connection: 'number', sessionPresent: 'boolean' },
  closed: { connection: 'number', how: 'string' },
  publish: {
    connection: 'number',
    message: 'number',
    topic: 'string',
    qos: 'number',
    retain: 'boolean',
    dup: 'boolean',
    clear: 'boolean',
  },
  acked: { connection: 'number', message: 'number', code: 'number' },
  completed: { connection: 'number', message: 'number' },
  subscribe: { connection: 'number', filter: 'string', qos: 'number' },
  unsubscribe: { connection: 'number', filter: 'string', qos: 'number' },
  subscribed: { connection: 'number', filter: 'string', code: 'number' },
  unsubscribed: { connection: 'number', filter: 'string', code: 'number' },
  delivery: {
    connection: 'number',
    message: 'number',
    topic: 'string',
    qos: 'number',
    retain: 'boolean',
    dup: 'boolean',
  },
  fault: { id: 'number', phase: 'string', fault: 'string', members: 'array' },
  phase: { phase: 'string' },
  probe: { wakeMs: 'number', syncMs: 'number' },
  retained: { server: 'string', messages: 'array' },
  end: { crashes: 'array' },
};

interface Field {
  readonly name: string;
  readonly kind: Kind;
}

const fieldLists: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries(fieldsOf).map(([type, fields]) => [
    type,
    Object.entries(fields).map(([name, kind]) => ({ name, kind })),
  ]),
);

const microsecondsPerMs = 1_000;

function shorten(key: string, value: unknown): unknown {
  if (value === false) return undefined;
  if (key === 'at') return Math.round((value as number) * microsecondsPerMs) / microsecondsPerMs;
  return value;
}

/** @returns one line with its line break; times are rounded to microseconds */
export function encodeLine(line: HistoryLine): string {
  // A header keeps `degradedAcks: false`, because the field is required.
  if (line.type === 'header') return `${JSON.stringify(line)}\n`;
  return `${JSON.stringify(line, shorten)}\n`;
}

/**
 * Decodes the header line. @throws {HistoryError} without the file's name and the line's number; the reader
 * adds both
 */
export function decodeHeader(text: string): Header {
  const value = parseObject(text);
  if (value?.['type'] !== 'header') throw new HistoryError('not a history: the first line is not a header');
  if (value['format'] !== historyFormat) {
    throw new HistoryError(
      `history format ${String(value['format'])} is not supported; this version reads format ${historyFormat}`,
    );
  }
  const { servers, limits } = value;
  const bounds = limits as Json | undefined;
  if (!Array.isArray(servers) || typeof bounds?.['willMsMax'] !== 'number') {
    throw new HistoryError('the header has no `servers` or no `limits`');
  }
  return value as unknown as Header;
}

/** Decodes the line of an event. @throws {HistoryError} as {@link decodeHeader} does */
export function decodeEvent(text: string): HistoryEvent {
  const value = parseObject(text);
  if (value === undefined) throw new HistoryError('the line is not JSON');
  const type = value['type'];
  const fields = typeof type === 'string' ? fieldLists.get(type) : undefined;
  if (fields === undefined) throw new HistoryError(`unknown event type ${JSON.stringify(type)}`);
  if (typeof value['at'] !== 'number') throw new HistoryError(`the event ${String(type)} has no time \`at\``);
  for (const { name, kind } of fields) {
    if (kind === 'boolean') value[name] = value[name] === true;
    else if (!isKind(value[name], kind)) {
      throw new HistoryError(
        `the field \`${name}\` of ${String(type)} is ${JSON.stringify(value[name])}, not ${kindWords[kind]}`,
      );
    }
  }
  return value as unknown as HistoryEvent;
}

const kindWords: Readonly<Record<Kind, string>> = {
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  expiry: 'seconds or null',
  will: 'a will or null',
};

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'array':
      return Array.isArray(value);
    case 'expiry':
      return value === null || typeof value === 'number';
    case 'will':
      return value === null || (typeof value === 'object' && typeof (value as Json)['message'] === 'number');
    default:
      return typeof value === kind;
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
