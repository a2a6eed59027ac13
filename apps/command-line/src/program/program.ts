import { Command, CommanderError, Option } from 'commander';
import { addClientCommands } from '../commands/clients.ts';
import { addClusterCommands } from '../commands/cluster.ts';
import { addBackupCommands } from '../commands/backup.ts';
import { addEventCommands } from '../commands/events.ts';
import { addMemberCommands } from '../commands/members.ts';
import { addMessageCommands } from '../commands/messages.ts';
import { addRetainedCommands } from '../commands/retained.ts';
import { addRuleCommands } from '../commands/rules.ts';
import { addUserCommands } from '../commands/users.ts';
import { CommandError, UsageError } from './errors.ts';
import { several, text, whole } from './options.ts';
import type { Streams } from './output.ts';
import { Registry } from './registry.ts';

const waitSecondsDefault = 60;
const waitSecondsMax = 86_400;
const usageStatus = 2;

/** Columns of the help. */
const helpWidth = 110;

const footer = `
The API of any member answers for the whole cluster. With several --server the command takes the first that answers.
Without --server: MQTT_CLUSTER_SERVERS, otherwise http://127.0.0.1:9100.
Without --token-file and --user: MQTT_CLUSTER_TOKEN_FILE or MQTT_CLUSTER_TOKEN.

Examples:
  mqtt-cluster status                          members, roles and problems
  mqtt-cluster clients --json | jq '.items[].id'
  mqtt-cluster retained delete 'a/#' --dry-run  count what would be deleted
  mqtt-cluster COMMAND --help                  options and examples of a command

Exit status: 0 done, 1 rejected or not healthy, 2 invalid arguments.`;

function createProgram(registry: Registry, version: string, streams: Streams): Command {
  const program = new Command('mqtt-cluster')
    .exitOverride()
    .configureOutput({ writeOut: (part) => streams.out(part), writeErr: streams.err })
    .configureHelp({ showGlobalOptions: true, helpWidth })
    .showHelpAfterError('(--help lists what is possible)')
    .description('See and steer a cluster of MQTT Cluster over the HTTP API of its members.')
    .usage('COMMAND [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .option('--server <URL>', 'HTTP address of a member; may be given several times', several)
    .option('--token-file <FILE>', 'file with the admin token', text)
    .option('--user <NAME>', 'user of the cluster with a role, instead of the token', text)
    .option('--user-password-file <FILE>', 'file with the password of --user (default: a prompt)', text)
    .option('--ca <FILE>', 'PEM file with the authority that signed the certificates of the servers', text)
    .option('--json', 'print JSON for programs instead of text')
    .addOption(
      new Option('--wait <SECONDS>', 'how long changes of members and settings wait')
        .default(waitSecondsDefault)
        .argParser(whole(0, waitSecondsMax)),
    )
    .addHelpText('after', footer);
  addClusterCommands(program, registry);
  addMemberCommands(program, registry);
  addClientCommands(program, registry);
  addRetainedCommands(program, registry);
  addMessageCommands(program, registry);
  addEventCommands(program, registry);
  addBackupCommands(program, registry);
  addUserCommands(program, registry);
  addRuleCommands(program, registry);
  return program;
}

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly streams: Streams;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

/** Runs the command line. Errors go to standard error. @returns the exit status: 0, 1 or 2 */
export async function runProgram({ argv, streams, environment, version }: ProgramOptions): Promise<number> {
  const registry = new Registry(streams, environment);
  try {
    await createProgram(registry, version, streams).parseAsync([...argv], { from: 'user' });
    return registry.status;
  } catch (error) {
    // Commander has printed its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageStatus;
    if (!(error instanceof CommandError)) throw error;
    streams.err(`mqtt-cluster: ${error.message}\n`);
    return error instanceof UsageError ? usageStatus : 1;
  }
}
