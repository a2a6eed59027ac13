import { decodeText, TextError } from '../src/index.ts';

describe('decodeText', () => {
  it('decodes UTF-8 without a byte order mark', () => {
    expect(decodeText(Buffer.from('\uFEFFgehe\u00EFm\n'))).toBe('gehe\u00EFm\n');
    expect(decodeText(new Uint8Array())).toBe('');
  });

  it.each([
    ['a character of Latin-1', 'one\ntwo\ngehe\xEFm\nfour', 3],
    ['an incomplete character at the end', 'one\n\xC3', 2],
    ['a line feed within a character', '\xC3\n\xAF', 1],
    ['half of a surrogate pair', 'one\n\xED\xA0\x80', 2],
  ])('names the line of %s', (_what, text, line) => {
    const content = Buffer.from(text, 'latin1');
    expect(() => decodeText(content)).toThrow(TextError);
    expect(() => decodeText(content)).toThrow(`line ${line}: the text is not UTF-8`);
  });
});
