import type { Logger } from '@mqtt-cluster/contracts';
import { destination as openDestination, pino, stdTimeFunctions } from 'pino';
import type { DestinationStream } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

export interface LoggerOptions {
  /** The lowest level that is written. */
  readonly level: (typeof logLevels)[number];
  /** Fields of every line, for instance the id of the member. */
  readonly fields?: object;
  /** Standard output by default. */
  readonly destination?: DestinationStream;
}

/**
 * Creates a logger that writes JSON lines with `level` (a word), `time` (ISO 8601), `message` and the fields. It writes
 * asynchronously, so that a slow terminal blocks nothing. Lines that are still buffered are written when the process
 * exits.
 */
export function createLogger({ level, fields = {}, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: fields,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // pino flushes this destination at exit.
    destination ?? openDestination({ dest: 1, sync: false }),
  );
}
