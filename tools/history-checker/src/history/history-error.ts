/**
 * Reports a file that can't be read or written, is not a history, or is incomplete. The message is one line
 * of text with the file, the number of the line and the reason.
 */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}
