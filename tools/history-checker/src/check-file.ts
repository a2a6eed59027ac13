import type { Header } from './history/events.ts';
import type { Verdict } from './verdict.ts';
import { HistoryError } from './history/history-error.ts';
import { readHistory } from './history/reader.ts';
import { createChecker } from './checker.ts';
import type { Checker } from './checker.ts';

export interface CheckedFile extends Verdict {
  readonly header: Header;
}

/**
 * Checks a recorded history.
 * @param progress called after each chunk with the share of the file that has been read (0 to 1) and the
 * number of lines
 * @throws {HistoryError} with one line of text: the file, the number of the line and the reason
 */
export async function checkHistoryFile(
  path: string,
  progress?: (share: number, lines: number) => void,
): Promise<CheckedFile> {
  let header: Header | null = null;
  let checker: Checker | null = null;
  await readHistory(path, {
    header: (line) => {
      header = line;
      checker = createChecker(line);
    },
    event: (event) => checker?.add(event),
    ...(progress ? { progress } : {}),
  });
  // The callbacks assign both fields, but the compiler's flow analysis ignores assignments in callbacks.
  const judged = { header, checker } as { header: Header | null; checker: Checker | null };
  if (!judged.header || !judged.checker) throw new HistoryError(`${path}: not a history`);
  return { header: judged.header, ...judged.checker.verdict() };
}
