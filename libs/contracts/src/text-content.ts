import { ClusterError } from './errors.ts';

const lineFeed = 0x0a;

/** A text cannot be read. The message names the line. */
export class TextError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('TEXT', message, options);
  }
}

/**
 * Decodes UTF-8 and removes a byte order mark. The usual decoders replace an invalid byte by U+FFFD: a rule with such a
 * character would never match, and different secrets would become equal. All texts of operators are therefore decoded
 * here. PEM files are exempt, because their blocks are ASCII and the text around the blocks has no meaning.
 *
 * @throws TextError with the number of the first line that is not UTF-8
 */
export function decodeText(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (cause) {
    throw new TextError(`line ${lineOfInvalidUtf8(content)}: the text is not UTF-8`, { cause });
  }
}

function lineOfInvalidUtf8(content: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let line = 1;
  let start = 0;
  for (;;) {
    const end = content.indexOf(lineFeed, start);
    try {
      decoder.decode(content.subarray(start, end < 0 ? content.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    start = end + 1;
    line++;
  }
}
