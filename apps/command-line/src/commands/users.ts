import { readFileSync } from 'node:fs';
import { parsePasswordFile } from '@mqtt-cluster/authentication';
import type { Schemas } from '@mqtt-cluster/api/client';
import { Option } from 'commander';
import type { Command } from 'commander';
import { readPassword } from '../connection/read-secret.ts';
import type { Context } from '../program/context.ts';
import { CommandError, UsageError } from '../program/errors.ts';
import { defined, text } from '../program/options.ts';
import type { Columns } from '../program/output.ts';
import type { Registry } from '../program/registry.ts';
import { orDash } from '../text/values.ts';

interface UserOptions {
  readonly passwordFile?: string;
  readonly groups?: string;
  readonly role?: 'viewer' | 'operator' | 'admin' | 'none';
  readonly enable?: boolean;
  readonly disable?: boolean;
}

/** Users of one request. A request has at most 512 KiB, and a user with the longest name and hash has 850 bytes. */
const usersPerRequest = 64;

const columns: Columns<Schemas['User']> = {
  USER: ({ name }) => name,
  ROLE: ({ role }) => orDash(role),
  GROUPS: ({ groups }) => orDash(groups.join(',')),
  STATE: ({ disabled }) => (disabled ? 'disabled' : 'enabled'),
};

const withFields = (command: Command): Command =>
  command
    .option('--groups <A,B>', 'groups of the user; an empty text for none')
    .addOption(
      new Option('--role <ROLE>', 'what the user may do as administrator').choices([
        'viewer',
        'operator',
        'admin',
        'none',
      ]),
    );
const withPassword = (command: Command): Command =>
  command.option(
    '--password-file <FILE>',
    'file with the password (default: a prompt, or standard input)',
    text,
  );

/** Declares the commands for users. */
export function addUserCommands(program: Command, registry: Registry): void {
  const users = registry.group(program, 'users', 'list and change the users of the cluster', {
    users: 'all users',
    'users add ann --role operator': 'add a user; asks for the password',
    'users set ann --disable': 'refuse the user and close its connections',
  });
  registry.add(users, {
    usage: 'list',
    isDefault: true,
    description: 'print all users (the default)',
    examples: { "users --json | jq '.users[].name'": 'the names for a program' },
    run: async (context) => {
      const connection = await context.connect();
      const list = await connection.ask((api) => api.GET('/users'));
      context.output.showTable(list, { columns, items: list.users, none: 'The cluster has no users.' });
    },
  });
  registry.add<UserOptions>(users, {
    usage: 'add <NAME>',
    description: 'add a user',
    examples: { 'users add ann --groups plant,line-3 --password-file ann.password': 'without a prompt' },
    options: (command) => withFields(withPassword(command)),
    run: async (context, [name = ''], options) => {
      const password = await newPassword(name, options);
      await put(context, name, { mode: 'create', password, ...fieldsOf(options) });
    },
  });
  registry.add<UserOptions>(users, {
    usage: 'set <NAME>',
    description: 'change groups or role of a user, or disable the user',
    examples: { 'users set ann --role none --groups ""': 'take role and groups away' },
    options: (command) =>
      withFields(command)
        .option('--disable', 'refuse the user and close its connections')
        .option('--enable', 'accept the user again'),
    run: async (context, [name = ''], options) => {
      const { enable, disable } = options;
      if (enable && disable) throw new UsageError('users set: --enable and --disable exclude each other');
      const state = disable ? { disabled: true } : enable ? { disabled: false } : {};
      const fields = { ...fieldsOf(options), ...state };
      if (Object.keys(fields).length === 0)
        throw new UsageError('users set: --groups, --role, --enable or --disable is missing');
      await put(context, name, { mode: 'change', ...fields });
    },
  });
  registry.add<UserOptions>(users, {
    usage: 'passwd <NAME>',
    description: 'set the password of a user',
    examples: { 'users passwd ann': 'asks for the password' },
    options: withPassword,
    run: async (context, [name = ''], options) =>
      put(context, name, { mode: 'change', password: await newPassword(name, options) }),
  });
  registry.add(users, {
    usage: 'remove <NAME>',
    description: 'remove a user and close its connections',
    examples: { 'users remove ann': 'the sessions of its clients stay' },
    run: async (context, [name = '']) => {
      const connection = await context.connect();
      const params = { path: { name } };
      const { text } = await connection.ask((api) => api.DELETE('/users/{name}', { params }));
      context.done(text);
    },
  });
  registry.add(users, {
    usage: 'import <FILE>',
    description: 'add the users of a password file of Mosquitto with their hashes',
    examples: { 'users import passwords': 'a file of mosquitto_passwd' },
    run: (context, [file = '']) => importFile(context, file),
  });
}

async function put(context: Context, name: string, body: Schemas['UserChange']): Promise<void> {
  const connection = await context.connect();
  const params = { path: { name } };
  const { text } = await connection.ask((api) => api.PUT('/users/{name}', { params, body }));
  context.done(text);
}

function newPassword(name: string, { passwordFile }: UserOptions): Promise<string> {
  return readPassword(passwordFile, { setting: '--password-file', name, twice: true });
}

function fieldsOf({ groups, role }: UserOptions): Pick<Schemas['UserChange'], 'groups' | 'role'> {
  return defined({
    groups: groups === '' ? [] : groups?.split(',').map((group) => group.trim()),
    role: role === 'none' ? null : role,
  });
}

/** Sends the users of a password file in several requests. */
async function importFile(context: Context, file: string): Promise<void> {
  let users: { name: string; passwordHash: string }[];
  try {
    const parsed = parsePasswordFile(readFileSync(file));
    users = [...parsed].map(([name, { hashText }]) => ({ name, passwordHash: hashText }));
  } catch (cause) {
    throw new CommandError(`the file ${file} cannot be imported: ${(cause as Error).message}`, { cause });
  }
  if (users.length === 0) throw new CommandError(`the file ${file} has no users`);
  const connection = await context.connect();
  for (let start = 0; start < users.length; start += usersPerRequest) {
    const body = { users: users.slice(start, start + usersPerRequest) };
    try {
      await connection.ask((api) => api.POST('/users', { body }));
    } catch (error) {
      if (start === 0) throw error;
      const reason = (error as Error).message;
      throw new CommandError(`${start} of ${users.length} users were imported, then: ${reason}`, {
        cause: error,
      });
    }
    context.output.progress(`${start + body.users.length} of ${users.length} users`);
  }
  context.done(`${users.length} users imported`);
}
