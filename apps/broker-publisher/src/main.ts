import { createLogger, oneLineExit } from '@mqtt-cluster/runtime';
import { Appliance } from './appliance.ts';
import { readConfig } from './config.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

async function main(): Promise<void> {
  const config = readConfig(process.env['NODE_CONFIG_DIR'] ?? './config');
  const logger = createLogger({ level: config.log.level, fields: { member: config.id } });
  const stop = (because: string): void => {
    logger.info({ because }, 'stopping');
    appliance.stop().then(() => process.exit(0), oneLineExit);
  };
  const onStopRequested = (): void => stop('an operator asked for it');
  const appliance = new Appliance({ config, logger, version, onFatal: oneLineExit, onStopRequested });
  process.on('uncaughtException', oneLineExit);
  process.on('unhandledRejection', oneLineExit);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await appliance.start();
}

main().catch(oneLineExit);
