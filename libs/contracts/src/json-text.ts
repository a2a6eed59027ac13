import { decodeText, TextError } from './text-content.ts';

const space = /[ \t\n\r]*/y;
const token =
  /[[\]{}:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;

/** The search for the place costs several times what `JSON.parse` costs, and it runs in one piece. */
const searchedCharactersMax = 64 * 1024;

/** What may follow: a value, the first value or the end of a list, a name, and so on. */
type Expected = 'value' | 'valueOrEnd' | 'name' | 'nameOrEnd' | 'colon' | 'commaOrEnd';

/**
 * Parses the JSON text of an operator. `JSON.parse` names a position, or no place at all.
 *
 * @throws TextError with the line and the column, both counted from 1, if the text has at most 64 Ki characters
 */
export function parseJsonText(content: Uint8Array | string): unknown {
  const text = typeof content === 'string' ? content : decodeText(content);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = text.length > searchedCharactersMax ? '' : `${placeOf(text, faultOffset(text))}: `;
    throw new TextError(`${place}the text is not JSON`, { cause });
  }
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  const end = offset === text.length ? ' (the end of the text)' : '';
  return `line ${before.length}, column ${before.at(-1)!.length + 1}${end}`;
}

/** Returns the offset of the first token that JSON (RFC 8259) does not permit there. */
function faultOffset(text: string): number {
  const open: string[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  for (;;) {
    offset = endOf(space, text, offset);
    if (expected === 'commaOrEnd' && open.length === 0) return offset;
    const end = endOf(token, text, offset);
    const next = after(text.slice(offset, end), expected, open);
    if (end === offset || next === null) return offset;
    expected = next;
    offset = end;
  }
}

function endOf(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : offset;
}

/** Returns what may follow the token, or null if the token may not stand there. Changes the list of open brackets. */
function after(found: string, expected: Expected, open: string[]): Expected | null {
  const closes = found === (open.at(-1) === '{' ? '}' : ']') && open.length > 0;
  if (closes && expected.endsWith('OrEnd')) {
    open.pop();
    return 'commaOrEnd';
  }
  switch (expected) {
    case 'commaOrEnd':
      if (found !== ',') return null;
      return open.at(-1) === '{' ? 'name' : 'value';
    case 'colon':
      return found === ':' ? 'value' : null;
    case 'name':
    case 'nameOrEnd':
      return found.startsWith('"') ? 'colon' : null;
    case 'value':
    case 'valueOrEnd':
      if (found === '{' || found === '[') {
        open.push(found);
        return found === '{' ? 'nameOrEnd' : 'valueOrEnd';
      }
      return /^[\]}:,]/.test(found) ? null : 'commaOrEnd';
  }
}
