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
