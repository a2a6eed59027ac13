/** Characters that change the state of a terminal or the order of the text. */
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** Bytes of a payload that a line shows. */
const payloadBytesMax = 256;

/** Returns the text with control characters as escapes, such as `\u001b`. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * Returns a payload for one line: the text if the payload is UTF-8, otherwise hexadecimal digits. A longer payload ends
 * with its number of bytes.
 *
 * @param total bytes of the whole payload, of which `base64` may be the beginning
 */
export function payloadText(base64: string, total?: number): string {
  const bytes = Buffer.from(base64, 'base64');
  const shown = bytes.subarray(0, payloadBytesMax);
  const all = total ?? bytes.length;
  const text = utf8Of(shown, shown.length < all);
  const short = text === null ? `0x${shown.toString('hex')}` : printable(text);
  return shown.length < all ? `${short}… (${all} bytes)` : short;
}

/** Returns null if the bytes are not UTF-8. The beginning of a payload may end within a character. */
function utf8Of(bytes: Uint8Array, isBeginning: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isBeginning });
  } catch {
    return null;
  }
}
