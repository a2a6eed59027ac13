import { ConfigError } from '@mqtt-cluster/contracts';
import { readSettingFile } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';

/**
 * Returns the user name and the password with which the publisher in this process connects to the members. Null: it
 * connects inside the process.
 *
 * @throws ConfigError the password file cannot be read, is not UTF-8 or is empty
 */
export function publisherCredentials(
  config: ApplianceConfig,
): { readonly username: string; readonly password: string } | null {
  const { username, passwordFile } = config.publisher;
  return username === '' ? null : { username, password: readPassword(passwordFile) };
}

function readPassword(file: string): string {
  const [line = ''] = readSettingFile('publisher.passwordFile', file).split(/\r?\n/, 1);
  if (line === '') throw new ConfigError(`publisher.passwordFile: the first line of ${file} is empty`);
  return line;
}
