import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPassword } from '../src/connection/read-secret.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'password-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const asked = { setting: '--password-file', name: 'alice', twice: true };

function fromFile(content: string | Buffer): Promise<string> {
  const path = join(directory, 'password');
  writeFileSync(path, content);
  return readPassword(path, asked);
}

test('a password file has one line, whose end does not belong to the password', async () => {
  expect(await fromFile('secret\n')).toBe('secret');
  expect(await fromFile(' pass: word \r\n')).toBe(' pass: word ');
  await expect(fromFile('\n')).rejects.toThrow('is empty');
  await expect(fromFile('a\nb\n')).rejects.toThrow('has several lines');
  await expect(readPassword(join(directory, 'none'), asked)).rejects.toThrow(
    '--password-file: the file ' + join(directory, 'none') + ' cannot be read',
  );
});

test('a password that is not UTF-8 is refused, because it would become another password', async () => {
  await expect(fromFile(Buffer.from('gehe\xEFm', 'latin1'))).rejects.toThrow('line 1: the text is not UTF-8');
});
