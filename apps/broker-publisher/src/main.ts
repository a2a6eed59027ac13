import { ClusterError } from '@mqtt-cluster/contracts';
import { createLogger, exitWithError } from '@mqtt-cluster/runtime';
import { UsageError } from './admin/arguments.ts';
import { runAdminCommand } from './admin/command-line.ts';
import { Appliance } from './node/appliance.ts';
import { checkConfig } from './node/check-config.ts';
import { readConfig, settingNames } from './config.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

const configDirectory = process.env['NODE_CONFIG_DIR'] ?? './config';

async function main(): Promise<void> {
  const config = readConfig(configDirectory);
  const logger = createLogger({ level: config.log.level, fields: { member: config.id } });
  const stop = (reason: string): void => {
    logger.info({ reason }, 'stopping');
    appliance.stop().then(() => process.exit(0), exitWithError);
  };
  const onStopRequested = (): void => stop('an operator requested it');
  const appliance = new Appliance({ config, logger, version, onFatal: exitWithError, onStopRequested });
  process.on('uncaughtException', exitWithError);
  process.on('unhandledRejection', exitWithError);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => void appliance.reload());
  await appliance.start();
}

/** Prints the message of the error, without its code, which only service managers need. @returns the exit status */
function reportAdminError(error: unknown): number {
  if (!(error instanceof ClusterError)) return exitWithError(error);
  process.stderr.write(`${error.message}\n`);
  return error instanceof UsageError ? 2 : 1;
}

const [first, ...adminArguments] = process.argv.slice(2);
const help = `Usage: broker-publisher              run the appliance
       broker-publisher check-config  check whether the appliance can start with its settings and files
       broker-publisher --settings    print the environment variables of all settings
       broker-publisher admin --help  print the commands for operators, such as drain and backup

Settings are MQTT_CLUSTER_* variables, or files in the directory NODE_CONFIG_DIR (default: ./config).
`;

if (first === 'admin') {
  const exitStatus = runAdminCommand(adminArguments, {
    print: (text) => process.stdout.write(text),
    progress: (line) => process.stderr.write(`${line}\n`),
    configDirectory,
  });
  // The process ends by itself when its output has been written.
  exitStatus.catch(reportAdminError).then((status) => (process.exitCode = status), exitWithError);
} else if (first === '--help' || first === '-h') process.stdout.write(help);
else if (first === '--settings') process.stdout.write(`${settingNames().join('\n')}\n`);
else if (first === 'check-config') {
  checkConfig(configDirectory)
    .then((text) => void process.stdout.write(`${text}\n`))
    .catch((error: unknown) => (process.exitCode = reportAdminError(error)));
} else if (first !== undefined) {
  process.stderr.write(`"${first}" is not a command; use admin, check-config, --settings or --help\n`);
  process.exitCode = 2;
} else main().catch(exitWithError);
