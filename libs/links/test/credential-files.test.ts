import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import { readCredentials } from '../src/remote/credential-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'credential-files-'));
afterAll(() => rmSync(directory, { recursive: true }));

const definition = linkDefinitionSchema.parse({
  addresses: ['mqtt://broker:1883'],
  username: 'ann',
  passwordFile: 'password',
  rules: [{ direction: 'out', filter: 'a/#' }],
});

test('the password of a link is the first line of its file, which must be UTF-8', async () => {
  const write = (content: string | Buffer): void => writeFileSync(join(directory, 'password'), content);
  write('gehe\u00EFm\r\n# the password of the plant\n');
  expect((await readCredentials(definition, directory)).password?.toString()).toBe('gehe\u00EFm');
  write('');
  await expect(readCredentials(definition, directory)).rejects.toThrow('the first line of password is empty');
  write(Buffer.from('gehe\xEFm', 'latin1'));
  await expect(readCredentials(definition, directory)).rejects.toThrow(
    'password: line 1: the text is not UTF-8',
  );
});
