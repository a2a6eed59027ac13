import type { Credentials } from '@mqtt-cluster/failover-client';
import { readSettingLine } from '@mqtt-cluster/runtime';
import type { ClientConfig } from './config.ts';

const tokenSetting = 'tokenFile (MQTT_CLIENT_TOKEN_FILE)';

/**
 * Returns the credentials for the next connection.
 *
 * @throws ConfigError the token file cannot be read, or its first line is empty
 */
export function readCredentials({ username, password, tokenFile }: ClientConfig): Credentials {
  const secret = tokenFile === '' ? password : readSettingLine(tokenSetting, tokenFile, { trim: true });
  return { ...(username !== '' && { username }), ...(secret !== '' && { password: secret }) };
}
