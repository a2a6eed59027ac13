/** The file is no history, or not all of one. The message is one line that says what and where. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}
