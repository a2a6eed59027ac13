import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import { credentialFault, readCredentials } from '../src/remote/credential-files.ts';

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

requiring('openssl')('the PEM files of a link', () => {
  test('a file that is missing, or contains no certificate or key, is named', async () => {
    const secured = linkDefinitionSchema.parse({
      addresses: ['mqtts://broker:8883'],
      tls: { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' },
      rules: [{ direction: 'out', filter: 'a/#' }],
    });
    const path = (name: string): string => join(directory, name);
    expect(await credentialFault(secured, '')).toBe(
      'the file ca.pem is missing: the setting links.directory is not set',
    );
    expect(await credentialFault(secured, directory)).toBe(`the file ${path('ca.pem')} is missing`);
    const { cert: certificate, key } = new TestAuthority(directory, 'plant').issue('cluster');
    const write = (name: string, content: string | Buffer): void => writeFileSync(path(name), content);
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) write(name, key);
    for (const content of [key, new X509Certificate(certificate).raw]) {
      write('ca.pem', content);
      expect(await credentialFault(secured, directory)).toBe(
        `the file ${path('ca.pem')} contains no certificate (PEM) that can be used`,
      );
    }
    write('ca.pem', `the authority of the plant\n${certificate}`);
    write('cert.pem', certificate);
    write('key.pem', certificate);
    expect(await credentialFault(secured, directory)).toBe(
      `the file ${path('key.pem')} contains no private key (PEM) that can be used`,
    );
    write('key.pem', key);
    expect(await credentialFault(secured, directory)).toBeNull();
  });
});
