import { ClusterError } from '@mqtt-cluster/contracts';
import { createLogger, exitWithError } from '@mqtt-cluster/runtime';
import { UsageError } from './admin/arguments.ts';
import { administer } from './admin/command-line.ts';
import { Appliance } from './node/appliance.ts';
import { readConfig, settingNames } from './config.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

const configDirectory = process.env['NODE_CONFIG_DIR'] ?? './config';

async function main(): Promise<void> {
  const config = readConfig(configDirectory);
  const logger = createLogger({ level: config.log.level, fields: { member: config.id } });
  const stop = (because: string): void => {
    logger.info({ because }, 'stopping');
    appliance.stop().then(() => process.exit(0), exitWithError);
  };
  const onStopRequested = (): void => stop('an operator asked for it');
  const appliance = new Appliance({ config, logger, version, onFatal: exitWithError, onStopRequested });
  process.on('uncaughtException', exitWithError);
  process.on('unhandledRejection', exitWithError);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await appliance.start();
}

/** Refused, or wrong use: one line, without the code that only services need. */
function exitCodeOf(error: unknown): number {
  if (!(error instanceof ClusterError)) return exitWithError(error);
  process.stderr.write(`${error.message}\n`);
  return error instanceof UsageError ? 2 : 1;
}

const [first, ...words] = process.argv.slice(2);
const serviceUsage = `Usage: broker-publisher              runs the appliance; its settings are MQTT_CLUSTER_* or files in NODE_CONFIG_DIR
       broker-publisher --settings    prints the names of all settings
       broker-publisher admin --help  drain, members, settings, backup: asks the appliance that runs here
`;

if (first === 'admin') {
  const done = administer(words, {
    print: (text) => process.stdout.write(text),
    progress: (text) => process.stderr.write(`${text}\n`),
    configDirectory,
  });
  // Left to end by itself, so that what was printed gets out.
  done.catch(exitCodeOf).then((code) => (process.exitCode = code), exitWithError);
} else if (first === '--help' || first === '-h') process.stdout.write(serviceUsage);
else if (first === '--settings') process.stdout.write(`${settingNames().join('\n')}\n`);
else if (first !== undefined) {
  process.stderr.write(`"${first}" is no command; there are admin and --settings; see --help\n`);
  process.exitCode = 2;
} else main().catch(exitWithError);
