import { ConfigError } from '@mqtt-cluster/contracts';
import type { Credentials } from '@mqtt-cluster/failover-client';
import { readSettingFile } from '@mqtt-cluster/runtime';
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
