import { accessSemantics } from '@mqtt-cluster/contracts';
import type {
  AccessChange,
  AccessRule,
  AccessTable,
  AccessUser,
  ConnectionAccess,
  Member,
} from '@mqtt-cluster/contracts';
import { defaultClient } from './client-options.ts';
import type { ClientOptions } from './client-options.ts';
import type { SimulatedClient } from './client.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';

/** Users of the cluster. The operator deletes and disables them during the run. */
const clusterUsers = ['ada', 'bob'] as const;
/** Topics of wills. No other client publishes to them. */
const willTopics = ['u/ada', 'u/bob', 'u/shared'];
/** The rules that the operator chooses from. Only topics without wildcards of `u/#` occur in wills. */
const ruleChoices: readonly AccessRule[] = [
  { effect: 'deny', actions: ['publish'], topics: ['u/ada'] },
  { effect: 'deny', actions: ['publish'], topics: ['u/shared'], groups: ['plant'] },
  { effect: 'deny', actions: ['publish', 'subscribe'], topics: ['u/+'], users: ['bob'] },
  { effect: 'allow', actions: ['publish'], topics: ['u/#'], groups: ['plant'] },
  { effect: 'allow', actions: ['publish'], topics: ['u/shared'] },
  { effect: 'deny', actions: ['subscribe'], topics: ['u/#'] },
];

/** Permits the wills of all other clients. */
const otherWills: AccessRule = { effect: 'allow', actions: ['publish'], topics: ['w/#', 'time/#'] };
/** Interval at which the operator checks whether its last change is in force. */
const checkMs = 200;

/**
 * The clients of a run that are authenticated as users of the cluster, as users of tokens, or not at all. An
 * operator changes users and rules, and revokes users, at random members.
 */
export class AccessPopulation {
  readonly #world: World;
  readonly #random: Random;
  #isActive = true;
  #requests = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Adds the clients. They connect when all members have users and rules. */
  start(): void {
    for (const user of clusterUsers) this.#addMortal(`mortal-of-${user}`, clusterUser(user));
    this.#addMortal('mortal-of-token', tokenUser(this.#random));
    this.#addMortal('mortal-of-nobody', { source: 'anonymous', ...place });
    this.#addSubscriber();
    this.#addContested();
    this.#addOperator();
  }

  /** Ends all actions, and restores users and rules, so that all clients can connect. */
  stop(): void {
    this.#isActive = false;
    this.#keepRestored();
  }

  /**
   * Restores users and rules whenever a running member has others. A member that was isolated can commit an
   * earlier request of the operator after the last repair.
   */
  #keepRestored(): void {
    if (this.#world.hosts.some(({ member }) => member !== null && !isRestored(member.access())))
      this.#restoreUsers({ rules: [] });
    this.#world.timeline.after(checkMs, () => this.#keepRestored());
  }

  #add(options: Partial<ClientOptions> & { id: string }): SimulatedClient {
    const client = this.#world.client({ ...defaultClient, ...options });
    this.#world.timeline.after(this.#random.between(0, 2_000), () => this.#connectFirst(client));
    return client;
  }

  #connectFirst(client: SimulatedClient): void {
    const isReady = this.#world.hosts.every(
      ({ member }) => (member?.status().semantics ?? 0) >= accessSemantics,
    );
    if (isReady) client.connect();
    else if (this.#isActive) this.#world.timeline.after(checkMs, () => this.#connectFirst(client));
  }

  /** Adds a client with a will whose connection ends repeatedly. */
  #addMortal(id: string, access: ConnectionAccess): void {
    const random = this.#random;
    const clean = random.chance(0.4);
    const client = this.#add({
      id,
      clean,
      expirySeconds: clean ? 0 : 3_600,
      access,
      will: {
        topic: random.pick(willTopics),
        qos: random.pick([1, 2] as const),
        delaySeconds: clean || random.chance(0.6) ? 0 : 1,
      },
    });
    this.#repeat(random.between(500, 1_500), () => {
      if (client.shouldBeConnected)
        client.leave(random.pick(['close', 'close', 'vanish', 'disconnect'] as const));
      else if (client.hasConnected) client.connect(null);
    });
  }

  /** Adds a subscriber of a user of the cluster, which stays connected while the user exists. */
  #addSubscriber(): void {
    this.#add({
      id: 'subscriber-of-ada',
      access: clusterUser('ada'),
      subscriptions: [{ filter: 't/1', qos: 1 }],
    });
  }

  /** Adds clients of several users that connect with one client id. */
  #addContested(): void {
    const users = [clusterUser('ada'), clusterUser('bob'), tokenUser(this.#random), anonymous];
    const clean = this.#random.chance(0.5);
    for (const access of users) {
      const client = this.#add({
        id: 'twin-of-users',
        clean,
        expirySeconds: clean ? 0 : 1,
        sharesClientId: true,
        reconnects: false,
        access,
      });
      this.#repeat(700, () => {
        if (!client.shouldBeConnected && client.hasConnected) client.connect(null);
        else if (this.#random.chance(0.3)) client.leave('close');
      });
    }
  }

  #addOperator(): void {
    const random = this.#random;
    this.#world.timeline.after(1_500, () => this.#restoreUsers());
    this.#repeat(random.between(300, 1_200), () => {
      const what = random.below(6);
      const name = random.pick(clusterUsers);
      if (what === 0) this.#change({ removed: [name] });
      else if (what === 1) this.#change({ users: [userOf(name, random, { disabled: true })] });
      else if (what === 2) this.#revoke();
      else if (what === 3)
        this.#change({ rules: [...random.shuffled(ruleChoices).slice(0, random.below(4)), otherWills] });
      else this.#restoreUsers();
    });
  }

  #restoreUsers(changes: AccessChange = {}): void {
    this.#change({ ...changes, users: clusterUsers.map((name) => userOf(name, this.#random, {})) });
  }

  #change(change: AccessChange): void {
    this.#atRandomHost((request, member) => member.changeAccess(request, change), JSON.stringify(change));
  }

  /** Revokes all connections of a user, or lets a member discard the wills of the user that wait. */
  #revoke(): void {
    if (this.#requests % 2 === 0)
      this.#atRandomHost((request, member) => member.revoke(request, { user: 'eve' }), 'revoke eve');
    else
      this.#atRandomHost(
        (_request, member) => member.discardWills(({ user }) => user === 'eve'),
        'discard the wills of eve',
      );
  }

  #atRandomHost(act: (request: number, member: Member) => void, what: string): void {
    const request = ++this.#requests;
    const host = this.#random.pick(this.#world.hosts);
    this.#world.history.log(() => `operator -> ${host.id} access request ${request}: ${what}`);
    host.post((member) => act(request, member));
  }

  #repeat(everyMs: number, action: () => void): void {
    this.#world.timeline.after(this.#random.between(0.3, 1.7) * everyMs, () => {
      if (!this.#isActive) return;
      action();
      this.#repeat(everyMs, action);
    });
  }
}

const place = { address: '10.0.0.1', listener: 'default' };
const anonymous: ConnectionAccess = { source: 'anonymous', ...place };

function clusterUser(user: string): ConnectionAccess {
  return { source: 'cluster', user, ...place };
}

function tokenUser(random: Random): ConnectionAccess {
  const groups = random.chance(0.5) ? ['plant'] : [];
  return { source: 'jwt', user: 'eve', groups, willGranted: random.chance(0.5), ...place };
}

function userOf(name: string, random: Random, changes: Partial<AccessUser>): AccessUser {
  return { name, passwordHash: 'hash', groups: random.chance(0.5) ? ['plant'] : [], ...changes };
}

function isRestored(table: AccessTable): boolean {
  if (table.rules.length > 0) return false;
  return clusterUsers.every((name) => table.users.get(name)?.disabled === undefined && table.users.has(name));
}
