import { compileRules } from '@mqtt-cluster/access';
import type { CompiledRules } from '@mqtt-cluster/access';
import {
  accessRulesBytesMax,
  accessRulesMax,
  accessUsersBytesMax,
  accessUsersMax,
} from '@mqtt-cluster/contracts';
import type {
  AccessChange,
  AccessRule,
  AccessTable,
  AccessUser,
  ConnectionAccess,
} from '@mqtt-cluster/contracts';

/** Approximate size in memory of a user or a rule without its texts, and of a text without its characters. */
const recordOverheadBytes = 64;
const textOverheadBytes = 16;

/** The users and rules of the replicated state. Immutable: a change makes a new object. */
export class ReplicatedAccess implements AccessTable {
  static readonly empty = new ReplicatedAccess(0, new Map(), []);

  readonly version: number;
  readonly users: ReadonlyMap<string, AccessUser>;
  readonly rules: readonly AccessRule[];
  readonly #usersBytes: number;
  readonly #rulesBytes: number;
  #compiledRules: CompiledRules | null = null;

  constructor(version: number, users: ReadonlyMap<string, AccessUser>, rules: readonly AccessRule[]) {
    this.version = version;
    this.users = users;
    this.rules = rules;
    let usersBytes = 0;
    for (const user of users.values()) usersBytes += userBytes(user);
    this.#usersBytes = usersBytes;
    this.#rulesBytes = rules.reduce((bytes, rule) => bytes + ruleBytes(rule), 0);
  }

  /** The rules, compiled at the first use. */
  get compiledRules(): CompiledRules {
    this.#compiledRules ??= compileRules(this.rules);
    return this.#compiledRules;
  }

  /** Returns the users and rules after the change. The order of users is the order of their first commands. */
  changed({ users = [], removed = [], rules = this.rules }: AccessChange): ReplicatedAccess {
    const changed = new Map(this.users);
    for (const name of removed) changed.delete(name);
    for (const user of users) changed.set(user.name, user);
    return new ReplicatedAccess(this.version + 1, changed, rules);
  }

  /** Returns a sentence about the first bound that the users and rules exceed, or null. */
  exceededBound(): string | null {
    const { size } = this.users;
    if (size > accessUsersMax) return `${size} users exceed the bound of ${accessUsersMax}`;
    if (this.rules.length > accessRulesMax)
      return `${this.rules.length} rules exceed the bound of ${accessRulesMax}`;
    if (this.#usersBytes > accessUsersBytesMax)
      return `users of ${this.#usersBytes} bytes exceed the bound of ${accessUsersBytesMax} bytes`;
    if (this.#rulesBytes > accessRulesBytesMax)
      return `rules of ${this.#rulesBytes} bytes exceed the bound of ${accessRulesBytesMax} bytes`;
    return null;
  }
}

/** Returns one sentence with the reason for which the cluster would refuse the change, or null. */
export function obstacleOfChange(
  { version, users, rules }: AccessTable,
  change: AccessChange,
): string | null {
  return new ReplicatedAccess(version, users, rules).changed(change).exceededBound();
}

/** Returns false for a user of the cluster that does not exist or is disabled. */
export function isValidUser({ users }: AccessTable, { source, user }: ConnectionAccess): boolean {
  if (source !== 'cluster') return true;
  const known = user === undefined ? undefined : users.get(user);
  return known !== undefined && known.disabled !== true;
}

function userBytes({ name, passwordHash, groups }: AccessUser): number {
  return recordOverheadBytes + textBytes([name, passwordHash, ...groups]);
}

function ruleBytes({ topics, users, groups, clients, addresses, listeners }: AccessRule): number {
  return [topics, users, groups, clients, addresses, listeners].reduce(
    (bytes, texts = []) => bytes + textBytes(texts),
    recordOverheadBytes,
  );
}

function textBytes(texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + textOverheadBytes + Buffer.byteLength(text), 0);
}
