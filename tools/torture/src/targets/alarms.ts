import { closeSync, openSync, readSync } from 'node:fs';

const pieceBytes = 256 * 1024;
/** A longer line is no line of a log, and not looked at. */
const lineCharactersMax = 64 * 1024;
/** As many are told; one is enough to look. */
const alarmsMax = 5;
/** Of an alarm that its members all share, or of one that holds another state: clients may never notice either. */
const alarming =
  /another state|left out|could not be applied|holds no batch|although its client is connected/;

/**
 * Reads in the members' logs what no client can see: same index, other bytes (design, section 3). The cluster heals
 * itself of it, so that a history shows nothing.
 */
export class AlarmWatch {
  readonly #logs: readonly { readonly member: string; readonly file: string; offset: number; rest: string }[];

  constructor(logs: readonly { readonly member: string; readonly file: string }[]) {
    this.#logs = logs.map((log) => ({ ...log, offset: 0, rest: '' }));
  }

  /** One sentence for each alarm since the last time, a few at most. */
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
        // Names and texts that matter are ASCII, so no character is cut in two.
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

/** What an error in a log says, if it is an alarm. */
function alarmIn(line: string): string | null {
  if (!line.includes('"level":"error"')) return null;
  const text = /"message":"((?:[^"\\]|\\.)*)"/.exec(line)?.[1] ?? '';
  return alarming.test(text) ? text : null;
}
