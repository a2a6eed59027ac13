import { readFileSync } from 'node:fs';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { ApplianceConfig } from '../config.ts';

/**
 * Returns the user name and the password with which the publisher in this process connects to the members. Null: it
 * connects inside the process.
 *
 * @throws ConfigError the password file cannot be read or is empty
 */
export function publisherCredentials(
  config: ApplianceConfig,
): { readonly username: string; readonly password: string } | null {
  const { username, passwordFile } = config.publisher;
  return username === '' ? null : { username, password: readPassword(passwordFile) };
}

function readPassword(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`publisher.passwordFile: the file ${file} cannot be read`, { cause });
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new ConfigError(`publisher.passwordFile: the first line of ${file} is empty`);
  return line;
}
