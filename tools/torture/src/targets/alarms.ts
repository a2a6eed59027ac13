import { closeSync, openSync, readSync } from 'node:fs';

const pieceBytes = 256 * 1024;
/** Largest number of characters of a line. A longer line is not a log entry and is cut. */
const lineCharactersMax = 64 * 1024;
/**
 * Largest number of alarms that one call of `take` returns. An operator needs only one alarm to investigate.
 */
const alarmsMax = 5;
/** Log messages about members with different states, and about entries that a member could not apply. */
const alarming =
  /another state|different state|(entry|version|command|expiry|message)\b.* ignored: |applied only partly/;

/**
 * Reads alarms in the members' logs, such as members with different states at the same index (docs/DESIGN.md,
 * "The log and its entries"). The cluster repairs such a state itself, so clients may not notice it, and the
 * history does not contain it.
 */
export class AlarmReader {
  readonly #logs: readonly { readonly member: string; readonly file: string; offset: number; rest: string }[];

  constructor(logs: readonly { readonly member: string; readonly file: string }[]) {
    this.#logs = logs.map((log) => ({ ...log, offset: 0, rest: '' }));
  }

  /** @returns one sentence for each new alarm, five at most */
  take(): string[] {
    const found: string[] = [];
    for (const log of this.#logs) {
      for (const line of this.#newLines(log)) {
        const text = alarmIn(line);
        if (text !== null && found.length < alarmsMax) found.push(`${log.member} raised an alarm: ${text}`);
      }
    }
    return found;
  }

  *#newLines(log: { readonly file: string; offset: number; rest: string }): Generator<string> {
    const handle = open(log.file);
    if (handle === null) return;
    const piece = Buffer.alloc(pieceBytes);
    try {
      for (;;) {
        const bytes = readSync(handle, piece, 0, pieceBytes, log.offset);
        if (bytes === 0) return;
        log.offset += bytes;
        // The relevant texts are ASCII, so no character is split.
        const lines = (log.rest + piece.toString('latin1', 0, bytes)).split('\n');
        log.rest = (lines.pop() ?? '').slice(0, lineCharactersMax);
        yield* lines;
      }
    } finally {
      closeSync(handle);
    }
  }
}

function open(file: string): number | null {
  try {
    return openSync(file, 'r');
  } catch {
    return null;
  }
}

/** @returns the message of an error entry if it is an alarm */
function alarmIn(line: string): string | null {
  if (!line.includes('"level":"error"')) return null;
  const text = /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? '';
  return alarming.test(text) ? text : null;
}
