/** The forms in which the console shows a payload. */
export type PayloadForm = 'text' | 'json' | 'hex';

const hexColumns = 16;
const lastControlCharacter = 0x1f;
const strictDecoder = new TextDecoder('utf-8', { fatal: true });

export function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function toBase64(data: Uint8Array): string {
  let binary = '';
  for (const byte of data) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Returns the payload as text, or null if it is not UTF-8 or contains control characters other than white space. */
export function asText(data: Uint8Array): string | null {
  try {
    const text = strictDecoder.decode(data);
    const isPrintable = [...text].every(
      (character) => character.charCodeAt(0) > lastControlCharacter || '\n\r\t'.includes(character),
    );
    return isPrintable ? text : null;
  } catch {
    return null;
  }
}

/** Returns the payload as indented JSON, or null if it is not a JSON object or array. */
export function asJson(data: Uint8Array): string | null {
  const text = asText(data);
  if (text === null || !/^\s*[[{]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

/** Returns lines of offset, sixteen bytes in hexadecimal, and the printable ASCII characters. */
export function asHex(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += hexColumns) {
    const row = data.subarray(at, at + hexColumns);
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = Array.from(row, (byte) =>
      byte > lastControlCharacter && byte < 0x7f ? String.fromCharCode(byte) : '.',
    ).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${digits.padEnd(hexColumns * 3 - 1)}  ${characters}`);
  }
  return lines.join('\n');
}

/** Returns the form that shows this payload best. */
export function bestForm(data: Uint8Array): PayloadForm {
  if (asJson(data) !== null) return 'json';
  return asText(data) === null ? 'hex' : 'text';
}

/** Returns the payload in a form; in hexadecimal if the form does not fit the payload. */
export function render(data: Uint8Array, form: PayloadForm): string {
  if (form === 'json') return asJson(data) ?? asText(data) ?? asHex(data);
  return (form === 'text' ? asText(data) : null) ?? asHex(data);
}

/** Returns one line that stands for the payload in a list. */
export function preview(data: Uint8Array, totalBytes = data.length, lengthMax = 80): string {
  if (totalBytes === 0) return '(empty)';
  // A preview may end inside a character, so up to three bytes at its end are left out.
  for (let cut = 0; cut <= (data.length < totalBytes ? 3 : 0); cut += 1) {
    const text = asText(data.subarray(0, data.length - cut));
    if (text === null) continue;
    const line = text.replace(/\s+/g, ' ').trim();
    const isWhole = data.length === totalBytes && line.length <= lengthMax;
    return isWhole ? line : `${line.slice(0, lengthMax)}…`;
  }
  const digits = Array.from(data.subarray(0, 24), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return totalBytes > 24 ? `${digits} …` : digits;
}
