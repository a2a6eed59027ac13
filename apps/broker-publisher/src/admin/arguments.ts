import { ClusterError, roleSchema } from '@mqtt-cluster/contracts';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The command line is invalid. The message is one line. */
export class UsageError extends ClusterError {
  constructor(message: string, options?: ErrorOptions) {
    super('USAGE', message, options);
  }
}

interface AdminOptions {
  readonly url?: string;
  readonly tokenFile?: string;
  /** User of the cluster with a role. The command asks for its password. */
  readonly user?: string;
  readonly userPasswordFile?: string;
  readonly wait: number;
  readonly json?: boolean;
  /** Option of the command `health`. */
  readonly stop?: string;
  /** Option of the command `remove`. */
  readonly force?: boolean;
  /** Option of the command `drain`. False with `--no-exit`. */
  readonly exit?: boolean;
  /** Option of the commands `users add` and `users passwd`. */
  readonly passwordFile?: string;
  /** Options of the commands `users add` and `users set`. */
  readonly groups?: string;
  readonly role?: string;
  /** Options of the command `users set`. */
  readonly enable?: boolean;
  readonly disable?: boolean;
  /** Option of the command `restore`: the data directory. */
  readonly data?: string;
  /** Option of the command `restore`: the member id. */
  readonly id?: string;
}

export interface AdminCommand {
  readonly command: string;
  readonly operands: readonly string[];
  readonly options: AdminOptions;
}

const programName = 'broker-publisher admin';
const waitSecondsDefault = 60;
const waitSecondsMax = 86_400;

/**
 * Declares the commands and options of `broker-publisher admin`. Scripts and playbooks use the names of the
 * commands and options, so these names never change. The options of the program (`--url`, `--json` and
 * others) may stand before or after the command.
 */
function createProgram(onCommand: (command: AdminCommand) => void): Command {
  const program = new Command(programName)
    .description(
      'Sends a request to the appliance on this host. The appliance forwards it to the leader if necessary.',
    )
    .usage('COMMAND [options]')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, helpWidth: 120 })
    .option('--url <URL>', 'URL of the appliance (default: from its configuration)', text)
    .option('--token-file <FILE>', 'file with the admin token (default: from the configuration)', text)
    .option('--user <NAME>', 'user of the cluster with a role, instead of the token', text)
    .option(
      '--user-password-file <FILE>',
      'file with the password of --user (default: a prompt, or standard input)',
      text,
    )
    .option(
      '--wait <SECONDS>',
      'how long add, remove, transfer, drain and settings wait',
      seconds,
      waitSecondsDefault,
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExit status: 0 done, 1 rejected or not healthy, 2 invalid command line.')
    .allowExcessArguments()
    .action(() => {
      const [word] = program.args;
      const problem = word === undefined ? 'a command is missing' : `"${word}" is not a command`;
      program.error(`${problem}; the commands are ${commandNames(program).join(', ')}`);
    });
  const add = (nameAndOperands: string, description: string, parent = program): Command => {
    const command = parent.command(nameAndOperands).description(description).allowExcessArguments(false);
    return command
      .helpOption('-h, --help', 'print this help')
      .action(() =>
        onCommand({ command: pathOf(command), operands: command.args, options: command.optsWithGlobals() }),
      );
  };
  add('status', 'print the status of this member');
  add('health', 'print the health of the cluster; exit status 0 if all members are healthy').option(
    '--stop <ID>',
    'exit status 0 if member ID can be stopped now',
    text,
  );
  add('members', 'print all members with their state and log lag');
  add('add <ID>', 'add a member that the peers setting of all members lists, and wait until it votes');
  add('remove <ID>', 'remove a member').option(
    '--force',
    'remove the member although its disk may contain acknowledged messages that the cluster lacks',
  );
  add('transfer [ID]', 'transfer leadership to member ID, or to the voter with the longest log');
  add('drain', 'move all clients and leadership to other members, then end the process').option(
    '--no-exit',
    'keep the process running (see undrain)',
  );
  add('undrain', 'end a drain: accept clients again');
  add('bootstrap', 'form the cluster although some members have not answered (first start only)');
  add('settings [NAME=VALUE...]', 'print or change the settings of all members, such as queue bounds');
  add('backup <FILE>', 'write the replicated state and its checksum to FILE');
  add(
    'restore <FILE>',
    'fill the empty data directory of this stopped member from a backup; ' +
      'the member then forms a new cluster, which the other members join with empty data directories',
  )
    .option('--data <DIR>', 'the data directory (default: from the configuration)', text)
    .option('--id <ID>', 'the member id (default: from the configuration)', text);
  addUserCommands(program, add);
  addRuleCommands(program, add);
  return program;
}

type AddCommand = (nameAndOperands: string, description: string, parent: Command) => Command;

/** Adds a word that commands follow. */
function addGroup(program: Command, name: string, description: string): Command {
  const group = program
    .command(name)
    .description(`${description} (see ${name} --help)`)
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .allowExcessArguments()
    .action(() => {
      const [word] = group.args;
      const problem = word === undefined ? 'a command is missing' : `"${word}" is not a command`;
      group.error(`${name}: ${problem}; the commands are ${commandNames(group).join(', ')}`);
    });
  return group;
}

function addRuleCommands(program: Command, add: AddCommand): void {
  const rules = addGroup(program, 'rules', 'check, print and replace the access rules of the cluster');
  add('check <FILE>', 'check a file of rules (JSON, or an ACL file of Mosquitto) without a request', rules);
  add('show', 'print the rules of the cluster as a JSON file', rules);
  add('set <FILE>', 'replace all rules of the cluster by the rules of FILE', rules);
}

function addUserCommands(program: Command, add: AddCommand): void {
  const users = addGroup(program, 'users', 'list and change the users of the cluster');
  const withPassword = (command: Command): Command =>
    command.option(
      '--password-file <FILE>',
      'file with the password (default: a prompt, or standard input)',
      text,
    );
  const withFields = (command: Command): Command =>
    command
      .option('--groups <A,B>', 'groups of the user; an empty text for none')
      .addOption(
        new Option('--role <ROLE>', 'what the user may do as administrator').choices([
          ...roleSchema.options,
          'none',
        ]),
      );
  add('list', 'print all users', users);
  withFields(withPassword(add('add <NAME>', 'add a user', users)));
  withFields(add('set <NAME>', 'change groups or role of a user, or disable the user', users))
    .option('--disable', 'refuse the user and close its connections')
    .option('--enable', 'accept the user again');
  withPassword(add('passwd <NAME>', 'set the password of a user', users));
  add('remove <NAME>', 'remove a user and close its connections', users);
  add('import <FILE>', 'add the users of a password file of Mosquitto with their hashes', users);
}

/** Returns the words of a command, such as `users add`. */
function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Returns the names of all commands and options, in the order of the help. */
export function adminCommandLineNames(): { readonly commands: string[]; readonly options: string[] } {
  const program = createProgram(() => {});
  const all = allCommands(program);
  const options = all.flatMap((command) => command.options.map(({ long }) => long!.slice(2)));
  return {
    commands: all.filter((command) => command.commands.length === 0).map(pathOf),
    options: [...new Set(options), 'help'],
  };
}

/**
 * Parses the arguments that follow `admin`.
 *
 * @returns the command, or the help text that the user requested
 * @throws UsageError with the first invalid argument in its message
 */
export function parseArguments(argv: readonly string[]): AdminCommand | { readonly help: string } {
  let help = '';
  let parsed: AdminCommand | null = null;
  const program = createProgram((command) => (parsed = command));
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({ writeOut: (part) => (help += part), writeErr: () => {} });
  }
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help };
    const message = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
    throw new UsageError(`${message}; see "${programName} --help"`, { cause: error });
  }
  if (parsed === null) throw new Error(`no action ran for "${argv.join(' ')}"`);
  return parsed;
}

/** Parses `NAME=VALUE` operands. A value of digits becomes a number. @throws UsageError */
export function parseSettings(operands: readonly string[]): Record<string, string | number> {
  const pairs = operands.map((operand): [string, string | number] => {
    const [, name, value] = /^([A-Za-z]+)=(.+)$/.exec(operand) ?? [];
    if (name === undefined || value === undefined)
      throw new UsageError(`settings: "${operand}" must have the form NAME=VALUE`);
    return [name, /^\d+$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(pairs);
}

function commandNames(program: Command): string[] {
  return program.commands.map((command) => command.name());
}

function text(value: string): string {
  if (!value.startsWith('-')) return value;
  throw new InvalidArgumentError('It is an option, so the value is missing.');
}

function seconds(value: string): number {
  if (/^\d+$/.test(value) && Number(value) <= waitSecondsMax) return Number(value);
  throw new InvalidArgumentError(`It must be a whole number of seconds from 0 to ${waitSecondsMax}.`);
}
