import { Command, CommanderError, Option } from 'commander';
import { addClientCommands } from '../commands/clients.ts';
import { addClusterCommands } from '../commands/cluster.ts';
import { addBackupCommands } from '../commands/backup.ts';
import { addEventCommands } from '../commands/events.ts';
import { addLinkCommands } from '../commands/links.ts';
import { addMemberCommands } from '../commands/members.ts';
import { addMessageCommands } from '../commands/messages.ts';
import { addRetainedCommands } from '../commands/retained.ts';
import { addRuleCommands } from '../commands/rules.ts';
import { addUserCommands } from '../commands/users.ts';
import type { Environment } from './environment.ts';
import { printable } from '../text/printable.ts';
import { CommandError, UsageError } from './errors.ts';
import type { MemberHost } from './member-host.ts';
import { several, text, whole } from './options.ts';
import type { Streams } from './output.ts';
import { Registry } from './registry.ts';
import type { RegistryOptions } from './registry.ts';

const nameDefault = 'mqtt-cluster';
const waitSecondsDefault = 60;
const waitSecondsMax = 86_400;
const usageStatus = 2;

/** Columns of the help. */
const helpWidth = 110;

function footerOf({ name, host }: RegistryOptions): string {
  const here = host === null ? 'http://127.0.0.1:9100' : 'the member of this host, from its configuration';
  const token = host === null ? '' : ', otherwise admin.tokenFile of the configuration';
  return `
The API of any member answers for the whole cluster. With several --server the command takes the first that answers.
Without --server: MQTT_CLUSTER_SERVERS, otherwise ${here}.
Without --token-file and --user: MQTT_CLUSTER_TOKEN_FILE or MQTT_CLUSTER_TOKEN${token}.

Examples:
  ${name} status                           members, roles and problems
  ${name} clients --json | jq '.items[].id'
  ${name} retained delete 'a/#' --dry-run  count what would be deleted
  ${name} COMMAND --help                   options and examples of a command

Exit status: 0 done, 1 rejected or not healthy, 2 invalid arguments.`;
}

function createProgram(options: RegistryOptions, registry: Registry, version: string): Command {
  const { name, streams, host } = options;
  const program = new Command(name)
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
    .option(
      '--cert <FILE>',
      'PEM file with the client certificate that the servers demand (http.tls.ca)',
      text,
    )
    .option('--key <FILE>', 'PEM file with the private key of --cert', text)
    .option('--json', 'print JSON for programs instead of text')
    .addOption(
      new Option('--wait <SECONDS>', 'how long changes of members and settings wait')
        .default(waitSecondsDefault)
        .argParser(whole(0, waitSecondsMax)),
    )
    .addHelpText('after', footerOf(options));
  if (host !== null) program.option('--url <URL>', 'the former name of --server', several);
  addClusterCommands(program, registry);
  addMemberCommands(program, registry);
  addClientCommands(program, registry);
  addRetainedCommands(program, registry);
  addMessageCommands(program, registry);
  addEventCommands(program, registry);
  addBackupCommands(program, registry);
  addLinkCommands(program, registry);
  addUserCommands(program, registry);
  addRuleCommands(program, registry);
  return program;
}

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly streams: Streams;
  readonly environment: Environment;
  readonly version: string;
  /** Name of the program in its messages; the default is `mqtt-cluster`. */
  readonly name?: string;
  /** The member of this host, in the program of an appliance. */
  readonly host?: MemberHost;
}

/** Runs the command line. Errors go to standard error. @returns the exit status: 0, 1 or 2 */
export async function runProgram(given: ProgramOptions): Promise<number> {
  const { argv, streams, environment, version, name = nameDefault, host = null } = given;
  const options = { name, streams, environment, host };
  const registry = new Registry(options);
  try {
    await createProgram(options, registry, version).parseAsync([...argv], { from: 'user' });
    return registry.status;
  } catch (error) {
    // Commander has printed its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageStatus;
    if (!(error instanceof CommandError)) throw error;
    // A message may contain a topic or a client id of the answer.
    streams.err(`${name}: ${error.message.split('\n').map(printable).join('\n')}\n`);
    return error instanceof UsageError ? usageStatus : 1;
  }
}

/** Returns the names of all commands and options, in the order of the help. */
export function programNames(host: MemberHost | null): {
  readonly commands: string[];
  readonly options: string[];
} {
  const streams = { out: () => undefined, err: () => undefined, interactive: false };
  const options = { name: nameDefault, streams, environment: {}, host };
  const all = allCommands(createProgram(options, new Registry(options), ''));
  const long = all.flatMap((command) => command.options.map((option) => option.long!.slice(2)));
  return {
    commands: all.filter((command) => command.commands.length === 0).map(pathOf),
    options: [...new Set(long), 'help'],
  };
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Returns the words of a command, such as `users add`. */
function pathOf(command: Command): string {
  return command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
