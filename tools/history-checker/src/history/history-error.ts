/** The file is not a history, or an incomplete one. The message is one line with the file, the line and the reason. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}
