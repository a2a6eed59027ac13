import { ConfigError } from '@mqtt-cluster/contracts';
import type { Credentials, TlsOptions } from '@mqtt-cluster/failover-client';
import { checkTlsFiles, readSettingFile } from '@mqtt-cluster/runtime';
import type { PemFile, WatchedFile, WatchedFiles } from '@mqtt-cluster/runtime';
import type { ClientConfig } from './config.ts';

/** Reads the first line of the token file. @throws ConfigError the file cannot be read, or its first line is empty */
function readToken(file: string): string {
  const token = readSettingFile('tokenFile (MQTT_CLIENT_TOKEN_FILE)', file).split(/\r?\n/, 1)[0]!.trim();
  if (token === '')
    throw new ConfigError(`tokenFile (MQTT_CLIENT_TOKEN_FILE): the first line of ${file} is empty`);
  return token;
}

/** Returns the credentials for the next connection. @throws ConfigError the token file cannot be read */
export function readCredentials({ username, password, tokenFile }: ClientConfig): Credentials {
  const secret = tokenFile === '' ? password : readToken(tokenFile);
  return { ...(username !== '' && { username }), ...(secret !== '' && { password: secret }) };
}

/**
 * Reads the PEM files, and reads them again when they change. Changed files that are unusable, such as a new certificate
 * without its key, are logged, and the values before them stay in use.
 *
 * @throws ConfigError a file cannot be read or is unusable; the message names the file
 */
export async function watchTls(
  tls: ClientConfig['tls'],
  files: WatchedFiles,
): Promise<WatchedFile<TlsOptions> | null> {
  const named = (['ca', 'cert', 'key'] as const).filter((name) => tls[name] !== '');
  if (named.length === 0) return null;
  return files.watch({
    setting: 'tls',
    paths: named.map((name) => tls[name]),
    parse: (contents) => {
      const entries = named.map((name, index): [string, PemFile] => {
        const { path, bytes } = contents[index]!;
        return [name, { path, text: bytes.toString('utf8') }];
      });
      checkTlsFiles({ ...Object.fromEntries(entries), uses: ['client'] });
      return Object.fromEntries(entries.map(([name, { text }]) => [name, text]));
    },
  });
}
