import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { WatchedFiles } from '@mqtt-cluster/runtime';
import { checkAuthentication } from '../../src/authentication/client-authentication.ts';
import { configSchema } from '../../src/config.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'settings-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** Checks the settings `mqtt`. Returns the error's message, or null. */
async function faultOf(mqtt: Record<string, unknown>): Promise<string | null> {
  const files = new WatchedFiles({ logger: silentLogger });
  try {
    const config = configSchema.parse({ id: 'a', peers: ['a=127.0.0.1:1'], mqtt });
    await checkAuthentication({ config, files, logger: silentLogger });
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    files.stop();
  }
}

const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test.each([
  ['passwordFile', 'mqtt.passwordFile must name a file'],
  ['jwt', 'mqtt.jwt.keysFile or mqtt.jwt.keysUrl must lead to'],
])('a listener with %s and without its settings stops the start', async (provider, fault) => {
  expect(await faultOf({ authentication: [provider] })).toContain(fault);
  expect(await faultOf({ listeners: [{ name: 'in', port: 1884, authentication: [provider] }] })).toMatch(
    /^mqtt\.listeners\.0\.authentication contains /,
  );
});

test('tokens without an audience stop the start, unless the setting says any', async () => {
  const keysFile = file('keys', '{"keys":[]}');
  expect(await faultOf({ authentication: ['jwt'], jwt: { keysFile } })).toContain(
    'mqtt.jwt.audience must be set',
  );
  expect(await faultOf({ authentication: ['jwt'], jwt: { keysFile, audience: '*' } })).toBeNull();
  expect(await faultOf({ authentication: ['jwt'], jwt: { keysFile, audience: 'mqtt' } })).toBeNull();
});

test.each([
  ['HS256', { algorithms: ['HS256'] }],
  ['none', { algorithms: ['none'] }],
  ['no algorithm', { algorithms: [] }],
  ['a URL without TLS', { keysUrl: 'http://192.0.2.1/keys' }],
  ['a file and a URL', { keysFile: '/keys', keysUrl: 'https://issuer/keys' }],
])('tokens with %s are refused by the schema', async (_what, jwt) => {
  expect(await faultOf({ anonymous: true, jwt })).toContain('jwt');
});

test('a broken password file or key file stops the start with the file and the line', async () => {
  const passwordFile = file('passwd', '# users\nalice:secret\n');
  const fault = await faultOf({ authentication: ['passwordFile'], passwordFile });
  expect(fault).toBe(
    `mqtt.passwordFile: ${passwordFile}: line 2: the password is plain text; mosquitto_passwd -U replaces the ` +
      'passwords of a file by hashes',
  );
  const keysFile = file('keys', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}');
  expect(await faultOf({ authentication: ['jwt'], jwt: { keysFile, audience: 'mqtt' } })).toContain(
    `mqtt.jwt.keysFile: ${keysFile}: key 1: the type must be`,
  );
});

test('a password file that no listener uses is not read', async () => {
  expect(await faultOf({ anonymous: true, passwordFile: '/nonexistent' })).toBeNull();
});
