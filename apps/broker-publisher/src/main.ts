import { ClusterError } from '@mqtt-cluster/contracts';
import { createLogger, exitWithError } from '@mqtt-cluster/runtime';
import { readConfig, settingNames } from './config.ts';

declare const BUILD_VERSION: string | undefined;

const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

const configDirectory = process.env['NODE_CONFIG_DIR'] ?? './config';

// Each command loads only its own modules: `admin` runs often and must start quickly.
async function main(): Promise<void> {
  const { Appliance } = await import('./node/appliance.ts');
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

async function check(): Promise<void> {
  const { checkConfig } = await import('./node/check-config.ts');
  try {
    process.stdout.write(`${await checkConfig(configDirectory)}\n`);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

async function administer(argv: readonly string[]): Promise<void> {
  const { runAdmin } = await import('./admin/command-line.ts');
  await runAdmin(argv, version, configDirectory);
}

const [first, ...adminArguments] = process.argv.slice(2);
const help = `Usage: broker-publisher              run the appliance
       broker-publisher check-config  check whether the appliance can start with its settings and files
       broker-publisher --settings    print the environment variables of all settings
       broker-publisher admin --help  print the commands for operators, such as drain and backup

Settings are MQTT_CLUSTER_* variables, or files in the directory NODE_CONFIG_DIR (default: ./config).
`;

if (first === 'admin') administer(adminArguments).catch(exitWithError);
else if (first === '--help' || first === '-h') process.stdout.write(help);
else if (first === '--settings') process.stdout.write(`${settingNames().join('\n')}\n`);
else if (first === 'check-config') check().catch(exitWithError);
else if (first !== undefined) {
  process.stderr.write(`"${first}" is not a command; use admin, check-config, --settings or --help\n`);
  process.exitCode = 2;
} else main().catch(exitWithError);
