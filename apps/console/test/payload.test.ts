import { expect, test } from '@jest/globals';
import {
  asHex,
  asJson,
  asText,
  bestForm,
  fromBase64,
  preview,
  render,
  toBase64,
} from '../src/text/payload.ts';

const of = (text: string): Uint8Array => new TextEncoder().encode(text);

test('chooses JSON for objects and arrays, text for UTF-8, and hexadecimal for other bytes', () => {
  expect(bestForm(of('{"a":1}'))).toBe('json');
  expect(bestForm(of('21.5'))).toBe('text');
  expect(bestForm(of('{"a":'))).toBe('text');
  expect(bestForm(Uint8Array.of(0xff, 0xfe))).toBe('hex');
  expect(bestForm(Uint8Array.of(0))).toBe('hex');
});

test('a form that does not fit shows the payload in hexadecimal instead of wrong characters', () => {
  const data = Uint8Array.of(0xc3, 0x28);
  expect(asText(data)).toBeNull();
  expect(render(data, 'text')).toBe(asHex(data));
  expect(render(data, 'json')).toBe(asHex(data));
  expect(asJson(of('[1,2]'))).toBe('[\n  1,\n  2\n]');
});

test('shows sixteen bytes a line with their offset and printable characters', () => {
  const lines = asHex(of('a<script>\n0123456789')).split('\n');
  expect(lines).toEqual([
    '0000  61 3c 73 63 72 69 70 74 3e 0a 30 31 32 33 34 35  a<script>.012345',
    '0010  36 37 38 39                                      6789',
  ]);
});

test('a preview that ends inside a character still shows the text before it', () => {
  const whole = of('Grün und Öl');
  const cut = whole.subarray(0, 10);
  expect(preview(cut, whole.length)).toBe('Grün und…');
  expect(preview(of('two\nlines'))).toBe('two lines');
  expect(preview(of(''))).toBe('(empty)');
  expect(preview(Uint8Array.of(0, 255))).toBe('00 ff');
});

test('base64 keeps every byte', () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect(fromBase64(toBase64(all))).toEqual(all);
});
