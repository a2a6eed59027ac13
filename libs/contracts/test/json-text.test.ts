import fc from 'fast-check';
import { parseJsonText, TextError } from '../src/index.ts';

function faultOf(text: string): string {
  try {
    parseJsonText(text);
  } catch (error) {
    expect(error).toBeInstanceOf(TextError);
    return (error as TextError).message;
  }
  throw new Error('the text was accepted');
}

describe('parseJsonText', () => {
  it('returns the value of a JSON text in UTF-8', () => {
    expect(parseJsonText('[1]')).toEqual([1]);
    expect(parseJsonText(Buffer.from('\uFEFF{"a": "\u00EF"}'))).toEqual({ a: '\u00EF' });
    expect(() => parseJsonText(Buffer.from('{\n"\xEF": 1}', 'latin1'))).toThrow(
      'line 2: the text is not UTF-8',
    );
  });

  it.each([
    ['a comma before the end of a list', '[\n  1,\n]', 'line 3, column 1'],
    ['a comma before the end of an object', '{\n  "a": 1,\n}', 'line 3, column 1'],
    ['a missing comma', '[\n  {"a": 1}\n  {"b": 2}\n]', 'line 3, column 3'],
    ['a missing colon', '{"a" 1}', 'line 1, column 6'],
    ['a name without quotes', '{\n  a: 1}', 'line 2, column 3'],
    ['a word', '{\n "a": yes}', 'line 2, column 7'],
    ['a word that begins like a literal', '[truely]', 'line 1, column 2'],
    ['a number with a leading zero', '[01]', 'line 1, column 2'],
    ['a number without digits', '[1, -]', 'line 1, column 5'],
    ['a string over two lines', '["a",\n "b\nc"]', 'line 2, column 2'],
    ['a wrong escape sequence', '["\\x41"]', 'line 1, column 2'],
    ['a comment', '[\n// none\n]', 'line 2, column 1'],
    ['a wrong bracket', '[\n}', 'line 2, column 1'],
    ['a second value', '[]\n\n[]', 'line 3, column 1'],
    ['no value', '', 'line 1, column 1 (the end of the text)'],
    ['a text that was cut off', '[\n  {"a": 1},\n', 'line 3, column 1 (the end of the text)'],
    ['many open brackets', '['.repeat(60_000), 'line 1, column 60001 (the end of the text)'],
  ])('names the line and the column of %s', (_what, text, place) => {
    expect(faultOf(text)).toBe(`${place}: the text is not JSON`);
  });

  it.each([
    ['a string of 64 KiB without an end', `"${'a'.repeat(65_535)}`, 'line 1, column 1: the text is not JSON'],
    ['a string of 16 MiB without an end', `"${'a'.repeat(2 ** 24)}`, 'the text is not JSON'],
    ['a list of 1 MiB', `[${'1,'.repeat(2 ** 19)}`, 'the text is not JSON'],
  ])('bounds the search for the place of a fault: %s', (_what, text, message) => {
    expect(faultOf(text)).toBe(message);
  });

  it('finds a fault at the first character that no JSON text could have there', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), (text, at) => {
        // No JSON text has this character outside of a string, and the rest of the text no longer matters.
        const offset = text.search(/[[{,:\]}]/) < 0 ? text.length : at % text.length;
        const isInString = ((text.slice(0, offset).match(/(?<!\\)(?:\\\\)*"/g) ?? []).length & 1) === 1;
        const isInToken = /[\w.+-]$/.test(text.slice(0, offset));
        fc.pre(!isInString && !isInToken);
        expect(faultOf(`${text.slice(0, offset)}@${text.slice(offset)}`)).toBe(
          `line 1, column ${offset + 1}: the text is not JSON`,
        );
      }),
    );
  });
});
