import { isUserName, parsePasswordHash, passwordBytesMax } from '@mqtt-cluster/authentication';
import { accessUserSchema, roleSchema } from '@mqtt-cluster/contracts';
import type { AccessChange, AccessTable, AccessUser, AdminOutcome, Role } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { AdminResponse } from '../admin-command-handler.ts';

export interface UserAdministrationComponents {
  readonly table: () => AccessTable;
  /** Proposes a change and waits until this member has applied it. */
  readonly change: (change: AccessChange) => Promise<AdminOutcome>;
  /** Returns the hash of a password. Rejects if too many hashes wait. */
  readonly createHash: (password: Uint8Array) => Promise<string>;
}

const password = z
  .string()
  .min(1)
  .refine(
    (text) => Buffer.byteLength(text) <= passwordBytesMax,
    `must have at most ${passwordBytesMax} bytes`,
  );
const passwordHash = z.string().check(({ value, issues }) => {
  try {
    parsePasswordHash(value);
  } catch (error) {
    // The value is left out: it may be a password.
    issues.push({ code: 'custom', message: (error as Error).message, input: undefined });
  }
});
const groups = accessUserSchema.shape.groups.unwrap();

const putSchema = z.strictObject({
  password: password.optional(),
  passwordHash: passwordHash.optional(),
  groups: groups.optional(),
  /** Null removes the role. */
  role: roleSchema.nullable().optional(),
  disabled: z.boolean().optional(),
  /** `create`: the user must not exist. `change`: the user must exist. Absent: both are allowed. */
  mode: z.enum(['create', 'change']).optional(),
});
type UserChange = z.output<typeof putSchema>;

const importSchema = z.strictObject({
  users: z
    .array(z.strictObject({ name: z.string().refine(isUserName), passwordHash }))
    .min(1)
    .max(1_000),
});

/** A user as it is shown. The password hash is never shown. */
interface ShownUser {
  readonly name: string;
  readonly groups: string[];
  readonly role: Role | null;
  readonly disabled: boolean;
}

interface UserList {
  readonly version: number;
  readonly users: ShownUser[];
}

/** Reads and changes the users of the cluster. */
export class UserAdministration {
  readonly #components: UserAdministrationComponents;

  constructor(components: UserAdministrationComponents) {
    this.#components = components;
  }

  /** Returns all users, without their password hashes. */
  list(): UserList {
    const { version, users } = this.#components.table();
    const shown = [...users.values()].map(({ name, groups, role = null, disabled = false }) => ({
      name,
      groups: [...groups],
      role,
      disabled,
    }));
    return { version, users: shown.sort((left, right) => (left.name < right.name ? -1 : 1)) };
  }

  /** Adds or changes a user. Fields that `given` lacks stay as they are. */
  async put(name: string, given: unknown): Promise<AdminResponse> {
    if (!isUserName(name))
      return invalid('a user name has 1 to 256 bytes and no control characters, and is not below $link/');
    const parsed = putSchema.safeParse(given);
    if (!parsed.success) return invalid(describeUserError(parsed.error));
    const change = parsed.data;
    if (change.password !== undefined && change.passwordHash !== undefined)
      return invalid('password and passwordHash exclude each other');
    const existing = this.#components.table().users.get(name);
    if (existing !== undefined && change.mode === 'create') return rejection(`the user ${name} exists`);
    if (existing === undefined && change.mode === 'change') return unknown(name);
    const hash = await this.#hashOf(change);
    if (hash instanceof Error) return rejection(hash.message, true);
    // The user may have been changed while the hash was computed.
    const user = changedUser(name, this.#components.table().users.get(name), change, hash);
    if (user === null) return invalid(`the user ${name} is new, so password or passwordHash is required`);
    return this.#propose(
      { users: [user] },
      existing === undefined ? `user ${name} added` : `user ${name} changed`,
    );
  }

  async remove(name: string): Promise<AdminResponse> {
    if (!this.#components.table().users.has(name)) return unknown(name);
    return this.#propose({ removed: [name] }, `user ${name} removed`);
  }

  /** Adds users with their hashes. A user that exists gets the new hash and keeps groups and role. */
  async import(given: unknown): Promise<AdminResponse> {
    const parsed = importSchema.safeParse(given);
    if (!parsed.success) return invalid(describeUserError(parsed.error));
    const { users } = this.#components.table();
    const changed = parsed.data.users.map(({ name, passwordHash }): AccessUser => {
      const existing = users.get(name) ?? { name, groups: [] };
      return { ...existing, passwordHash };
    });
    return this.#propose({ users: changed }, `${changed.length} users imported`);
  }

  async #propose(change: AccessChange, done: string): Promise<AdminResponse> {
    const { accepted, reason, later = false } = await this.#components.change(change);
    return accepted ? { code: 200, body: { ok: true, text: done } } : rejection(reason, later);
  }

  async #hashOf(change: UserChange): Promise<string | undefined | Error> {
    if (change.password === undefined) return change.passwordHash;
    try {
      return await this.#components.createHash(Buffer.from(change.password));
    } catch (error) {
      return error as Error;
    }
  }
}

/** Returns null for a new user without a password. */
function changedUser(
  name: string,
  existing: AccessUser | undefined,
  { groups, role, disabled }: UserChange,
  hash: string | undefined,
): AccessUser | null {
  const hashText = hash ?? existing?.passwordHash;
  if (hashText === undefined) return null;
  const newRole = role === undefined ? existing?.role : (role ?? undefined);
  const isDisabled = disabled ?? existing?.disabled ?? false;
  return {
    name,
    passwordHash: hashText,
    groups: groups ?? existing?.groups ?? [],
    ...(newRole !== undefined && { role: newRole }),
    ...(isDisabled && { disabled: true }),
  };
}

/** Describes the first fault without the value, which may be a password. */
function describeUserError({ issues }: z.ZodError): string {
  const [issue] = issues;
  const path = issue!.path.join('.');
  return path === '' ? issue!.message : `${path}: ${issue!.message}`;
}

function invalid(error: string): AdminResponse {
  return { code: 400, body: { error } };
}

function unknown(name: string): AdminResponse {
  return { code: 404, body: { error: `there is no user ${name}` } };
}

function rejection(error: string, later = false): AdminResponse {
  return { code: 409, body: later ? { error, later } : { error } };
}
