import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettingLine } from '../src/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'setting-file-'));
const file = join(directory, 'secret');
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ['keeps the spaces of a password', ' pass word \nsecond line\n', {}, ' pass word '],
  ['removes the spaces around a token', ' token \r\n', { trim: true }, 'token'],
  ['accepts a password of a space', ' \n', {}, ' '],
])('the first line of a file %s', (_what, text, options, expected) => {
  writeFileSync(file, text);
  expect(readSettingLine('setting', file, options)).toBe(expected);
});

test.each([
  ['nothing', '\nsecond line\n', {}],
  ['only spaces around a token', ' \n', { trim: true }],
])('a first line with %s is an error that names the setting and the file', (_what, text, options) => {
  writeFileSync(file, text);
  expect(() => readSettingLine('setting', file, options)).toThrow(
    `setting: the first line of ${file} is empty`,
  );
});
