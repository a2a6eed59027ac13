import type { Logger } from '@mqtt-cluster/contracts';
import { destination as openDestination, pino, stdTimeFunctions } from 'pino';
import type { DestinationStream } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** In every line; the member's id, say. */
  readonly fields?: object;
  /** Standard output by default. */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines with `level` (a word), `time` (ISO 8601), `message` and the fields. Written asynchronously, so
 * that a slow terminal holds up nobody; what is left is written when the process exits.
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
    // pino itself flushes it at exit.
    destination ?? openDestination({ dest: 1, sync: false }),
  );
}
