import { readFileSync } from 'node:fs';
import { parsePasswordFile } from '@mqtt-cluster/authentication';
import type { PasswordFile } from '@mqtt-cluster/authentication';
import { z } from 'zod';
import { AdminError } from '../admin-client.ts';
import type { AdminClient } from '../admin-client.ts';
import { UsageError } from '../arguments.ts';
import type { AdminCommand } from '../arguments.ts';
import { adminPaths } from '../paths.ts';
import { readPassword } from './read-password.ts';
import { userListSchema } from './user-administration.ts';
import type { UserList } from './user-administration.ts';
import { userPath } from './user-routes.ts';

/** Users of one request. A request has at most 512 KiB, and a user with the longest name and hash has 850 bytes. */
const usersPerRequest = 64;

const doneSchema = z.object({ ok: z.boolean(), text: z.string() });

/** Returns the users of the cluster. @throws AdminError */
export function listUsers(client: AdminClient): Promise<UserList> {
  return client.get(adminPaths.users, userListSchema);
}

/**
 * Runs a command that changes users.
 *
 * @returns the sentence for the operator
 * @throws AdminError or UsageError
 */
export async function changeUsers(
  { command, operands, options }: AdminCommand,
  client: AdminClient,
  passwordOf: typeof readPassword = readPassword,
): Promise<{ readonly text: string }> {
  const [operand = ''] = operands;
  const put = (body: Readonly<Record<string, unknown>>) => client.put(userPath(operand), doneSchema, body);
  const { groups, role } = options;
  const fields = {
    ...(groups !== undefined && { groups: listOf(groups) }),
    ...(role !== undefined && { role: role === 'none' ? null : role }),
  };
  switch (command) {
    case 'users add':
      return put({ mode: 'create', password: await passwordOf(options.passwordFile, operand), ...fields });
    case 'users passwd':
      return put({ mode: 'change', password: await passwordOf(options.passwordFile, operand) });
    case 'users set': {
      if (options.enable && options.disable)
        throw new UsageError('users set: --enable and --disable exclude each other');
      const disabled = options.disable ? { disabled: true } : options.enable ? { disabled: false } : {};
      const body = { ...fields, ...disabled };
      if (Object.keys(body).length === 0)
        throw new UsageError('users set: --groups, --role, --enable or --disable is missing');
      return put({ mode: 'change', ...body });
    }
    case 'users remove':
      return client.delete(userPath(operand), doneSchema);
    case 'users import':
      return importFile(operand, client);
    default:
      throw new Error(`no implementation of the command "${command}"`);
  }
}

/** Sends the users of a password file of Mosquitto in several requests. */
async function importFile(file: string, client: AdminClient): Promise<{ readonly text: string }> {
  const users = [...readUsers(file)].map(([name, { hashText }]) => ({ name, passwordHash: hashText }));
  if (users.length === 0) throw new AdminError(`the file ${file} has no users`);
  for (let start = 0; start < users.length; start += usersPerRequest) {
    try {
      await client.post(adminPaths.users, doneSchema, { users: users.slice(start, start + usersPerRequest) });
    } catch (error) {
      if (start === 0) throw error;
      throw new AdminError(
        `${start} of ${users.length} users were imported, then: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }
  return { text: `${users.length} users imported` };
}

function readUsers(file: string): PasswordFile {
  try {
    return parsePasswordFile(readFileSync(file));
  } catch (cause) {
    throw new AdminError(`the file ${file} cannot be imported: ${(cause as Error).message}`, { cause });
  }
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim());
}
