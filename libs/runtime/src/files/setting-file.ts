import { readFileSync } from 'node:fs';
import { ConfigError, decodeText } from '@mqtt-cluster/contracts';

/**
 * Reads the text file that a setting names.
 *
 * @throws ConfigError with the setting and the file: it cannot be read, or a line is not UTF-8
 */
export function readSettingFile(setting: string, file: string): string {
  let content: Uint8Array;
  try {
    content = readFileSync(file);
  } catch (cause) {
    throw new ConfigError(`${setting}: the file ${file} cannot be read`, { cause });
  }
  try {
    return decodeText(content);
  } catch (cause) {
    throw new ConfigError(`${setting}: ${file}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Reads the first line of the text file that a setting names, such as a password.
 *
 * @param options `trim` removes white space around the line
 * @throws ConfigError with the setting and the file: it cannot be read, a line is not UTF-8, or the first line is empty
 */
export function readSettingLine(setting: string, file: string, { trim = false } = {}): string {
  const first = readSettingFile(setting, file).split(/\r?\n/, 1)[0]!;
  const line = trim ? first.trim() : first;
  if (line === '') throw new ConfigError(`${setting}: the first line of ${file} is empty`);
  return line;
}
