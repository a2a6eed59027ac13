import { readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { decodeText, parseJsonText } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { overrideEnvironment } from './process-environment.ts';
import type { Environment } from './process-environment.ts';

// Importing node-config loads the configuration once. Its errors would be thrown outside `loadFiles`, and its
// warnings would be printed to standard error. These variables therefore make the import find no files and
// print no warnings.
const restoreEnvironment = overrideEnvironment({
  NODE_CONFIG_DIR: devNull,
  NODE_CONFIG: undefined,
  SUPPRESS_NO_CONFIG_WARNING: 'true',
  SUPPRESS_STRICTNESS_CHECK: 'true',
});
const { default: nodeConfig } = await import('config').finally(restoreEnvironment);
const { default: parser } = await import('config/parser.js');

/**
 * The parser of node-config. It is called for each loaded file, which node-config has decoded leniently: a setting
 * with a wrong character would be accepted.
 */
const strictParser = {
  ...parser,
  parse: (file: string, content: string) => {
    decodeText(readFileSync(file));
    return parser.parse(file, content);
  },
};

const settingsSchema = z.record(z.string(), z.unknown());

/**
 * Loads the configuration files with node-config: `default`, the deployment's (`NODE_CONFIG_ENV`, then
 * `NODE_ENV`, `production` by default), the host's and `local`; then `NODE_CONFIG` (JSON); then
 * `custom-environment-variables`. A later source overrides an earlier source. A missing directory is treated
 * as empty.
 *
 * @param directory directory of the files if `NODE_CONFIG_DIR` is not set
 * @throws Error a file is not UTF-8, or a file or `NODE_CONFIG` cannot be parsed
 */
export function loadFiles(directory: string, environment: Environment): Record<string, unknown> {
  const inline = environment['NODE_CONFIG'];
  // node-config only logs malformed JSON in NODE_CONFIG, and ignores it.
  if (inline) parseInline(inline);
  const deployment = environment['NODE_CONFIG_ENV'] ?? environment['NODE_ENV'] ?? 'production';
  const configDir = environment['NODE_CONFIG_DIR'] ?? directory;
  const restore = overrideEnvironment({ NODE_CONFIG: inline });
  try {
    const loaded: unknown = nodeConfig.util.loadFileConfigs(undefined, {
      configDir,
      nodeEnv: deployment.split(','),
      parser: strictParser,
    });
    // Return a copy with plain data only, because the objects of node-config are shared.
    return settingsSchema.parse(JSON.parse(JSON.stringify(loaded)));
  } finally {
    restore();
  }
}

function parseInline(text: string): void {
  try {
    parseJsonText(text);
  } catch (cause) {
    throw new Error(`NODE_CONFIG: ${(cause as Error).message}`, { cause });
  }
}
