import { createLogger, exitWithError } from '@mqtt-cluster/runtime';
import { readConfig } from './config.ts';
import { createProgram } from './program.ts';

declare const BUILD_VERSION: string | undefined;

/** The build defines BUILD_VERSION. */
const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

async function main(): Promise<void> {
  const config = readConfig(process.env['NODE_CONFIG_DIR'] ?? './config');
  const logger = createLogger({ level: config.log.level, fields: { client: config.id } });
  const program = await createProgram(config, version, logger);
  const stop = (signal: string): void => {
    logger.info({ signal }, 'stopping');
    program.stop().then(() => process.exit(0), exitWithError);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.on('uncaughtException', exitWithError);
  process.on('unhandledRejection', exitWithError);
  await program.start();
}

main().catch(exitWithError);
