import { accessSemantics } from '@mqtt-cluster/contracts';
import type {
  AccessTable,
  ClientId,
  ConnectionAccess,
  ConnectionId,
  MemberId,
} from '@mqtt-cluster/contracts';
import type { MqttState, StateEffect } from '@mqtt-cluster/mqtt-state';
import type { SimulatedClient } from '../clients/client.ts';
import { publicationIdIn } from '../history/history.ts';
import type { ConnectionRecord, History } from '../history/history.ts';
import type { Host } from '../world/host.ts';
import { filterMatches } from './topic-filter.ts';

/**
 * Longest time for which a serving member may keep the connection of a user that it knows to be deleted or
 * disabled.
 */
const deletedUserMsMax = 1_000;

/**
 * Checks users, rules and owners (docs/DESIGN.md, "Users, rules and owners") while the members apply entries:
 *
 * - No session is open for another user than its owner, and a session keeps its owner until it ends.
 * - No will is published that the users and rules at its place in the log deny.
 * - No serving member keeps the connection of a deleted user.
 *
 * The check evaluates rules by code of its own.
 */
export class AccessCheck {
  readonly #history: History;
  readonly #clients: readonly SimulatedClient[];
  /** By member: the owners of the sessions as of the last entry that the member applied. */
  readonly #owners = new Map<MemberId, Map<ClientId, string>>();
  /** Connections of deleted users at serving members, with the time since when. */
  readonly #deletedSinceMs = new Map<ConnectionId, number>();
  /** The ids of the clients with a user or an address. */
  #checked: readonly ClientId[] = [];
  /** The clients whose user the cluster stores. */
  #clusterUsers: readonly SimulatedClient[] = [];
  /** Number of the clients from which the two lists were made. */
  #listed = 0;

  constructor(history: History, clients: readonly SimulatedClient[]) {
    this.#history = history;
    this.#clients = clients;
  }

  /** Called when the member created or loaded a state. */
  stateLoaded(id: MemberId): void {
    this.#owners.delete(id);
  }

  /** Called when the member has applied an entry. `before`: users and rules before the entry. */
  entryApplied(
    id: MemberId,
    state: MqttState,
    before: { readonly access: AccessTable; readonly semantics: number },
    effects: readonly StateEffect[],
  ): void {
    if (before.semantics < accessSemantics) return;
    this.#checkOwners(id, state, effects);
    const changes = effects.some(({ kind }) => kind === 'accessChanged');
    // With a change in the entry, the rules at the place of the will are not known.
    if (!changes) for (const effect of effects) this.#checkWill(before.access, effect);
    for (const effect of effects) this.#mark(effect);
  }

  /** Called after each turn of a member. */
  turnEnded(host: Host): void {
    const { member } = host;
    const table = member?.access();
    if (table === undefined || table.version === 0) return;
    this.#listClients();
    for (const { connection, connected, options } of this.#clusterUsers) {
      if (options.access === undefined || connection?.host !== host) continue;
      const { id, isServed, hasProcess } = connection;
      const isOpen = connected && isServed && hasProcess && host.state === 'running';
      if (!isOpen || isValid(table, options.access) || member?.status().state !== 'serving') {
        this.#deletedSinceMs.delete(id);
        continue;
      }
      const sinceMs = this.#deletedSinceMs.get(id) ?? this.#history.nowMs;
      this.#deletedSinceMs.set(id, sinceMs);
      if (this.#history.nowMs - sinceMs < deletedUserMsMax) continue;
      const text = `${host.id} keeps connection ${id} of the deleted user ${options.access.user} since ${sinceMs.toFixed(1)}`;
      this.#history.reportViolation({ promise: 'users', client: options.id, text });
    }
  }

  #checkOwners(id: MemberId, state: MqttState, effects: readonly StateEffect[]): void {
    this.#listClients();
    let owners = this.#owners.get(id);
    if (owners === undefined) this.#owners.set(id, (owners = new Map<ClientId, string>()));
    for (const client of this.#checked) {
      const session = state.session(client);
      const owner = session?.owner ?? null;
      const former = owners.get(client) ?? null;
      if (former !== owner) {
        const mayChange = former === null || hasEnded(client, effects);
        if (owner === null) {
          owners.delete(client);
          if (!mayChange)
            this.#violate(client, `${id}: the session of ${client} has lost its owner ${former}`);
        } else {
          owners.set(client, owner);
          if (!mayChange)
            this.#violate(client, `${id}: the session of ${client} belongs to ${owner} and not to ${former}`);
        }
      }
      if (session === undefined || owner === null) continue;
      const { home, access } = session;
      if (home !== null && access?.user !== owner)
        this.#violate(
          client,
          `${id}: the session of ${client} is open for ${access?.user} and not for ${owner}`,
        );
    }
  }

  /** Clients are only added, so an unchanged number of clients means unchanged lists. */
  #listClients(): void {
    if (this.#listed === this.#clients.length) return;
    this.#listed = this.#clients.length;
    const withAccess = this.#clients.filter(({ options }) => options.access !== undefined);
    this.#checked = [...new Set(withAccess.map(({ id }) => id))];
    this.#clusterUsers = this.#clients.filter(({ options }) => options.access?.source === 'cluster');
  }

  #checkWill(table: AccessTable, effect: StateEffect): void {
    if (effect.kind !== 'published' || effect.member !== null) return;
    const record = this.#willOf(publicationIdIn(effect.message.payload));
    const access = record?.access;
    if (record === undefined || !access || mayPublish(table, access, record)) return;
    const user = access.user ?? 'an anonymous client';
    const text = `the will of ${record.client} to ${effect.message.topic} was published although the rules of version ${table.version} deny it to ${user}`;
    this.#violate(record.client, text);
  }

  #willOf(publication: number | null): ConnectionRecord | undefined {
    const client = publication === null ? undefined : this.#history.publications[publication]?.client;
    if (client === undefined || !this.#clients.some(({ options }) => options.id === client && options.access))
      return undefined;
    return [...this.#history.connections.values()].find((each) => each.will?.publication === publication);
  }

  #mark(effect: StateEffect): void {
    if (effect.kind === 'dropped' && effect.reason === 'notAuthorized') this.#history.mark('will-denied');
    if (effect.kind === 'connectionEnded' && effect.reason === 'notAuthorized')
      this.#history.mark('user-disconnected');
    if (effect.kind !== 'batchApplied') return;
    for (const result of effect.results)
      if (result.kind === 'refused' && result.reason === 'notAuthorized')
        this.#history.mark('open-refused-to-user');
  }

  #violate(client: ClientId, text: string): void {
    this.#history.reportViolation({ promise: 'users', client, text });
  }
}

function hasEnded(client: ClientId, effects: readonly StateEffect[]): boolean {
  return effects.some((effect) => effect.kind === 'sessionEnded' && effect.client === client);
}

function isValid({ users }: AccessTable, { source, user = '' }: ConnectionAccess): boolean {
  return source !== 'cluster' || (users.has(user) && users.get(user)?.disabled !== true);
}

/** Evaluates the rules for a will. Knows only the conditions that the simulated operator uses. */
function mayPublish(table: AccessTable, access: ConnectionAccess, { will }: ConnectionRecord): boolean {
  if (!isValid(table, access)) return false;
  const { user = '', source } = access;
  const groups = (source === 'cluster' ? table.users.get(user)?.groups : access.groups) ?? [];
  const first = table.rules.find(
    (rule) =>
      rule.actions.includes('publish') &&
      rule.topics.some((filter) => filterMatches(filter, will?.will.topic ?? '')) &&
      (rule.users?.includes(user) ?? true) &&
      (rule.groups?.some((group) => groups.includes(group)) ?? true),
  );
  if (first !== undefined) return first.effect === 'allow';
  return access.willGranted === true || table.rules.length === 0;
}
