import type { AccessChange, ConnectionAccess, MemberId } from '@mqtt-cluster/contracts';
import { accessSemantics } from '@mqtt-cluster/contracts';
import { Scenario } from '../../src/index.ts';
import type { SimulatedClient } from '../../src/index.ts';

const place = { address: '10.0.0.1', listener: 'default' };
const ada: ConnectionAccess = { source: 'cluster', user: 'ada', ...place };
const bob: ConnectionAccess = { source: 'cluster', user: 'bob', ...place };
const users = ['ada', 'bob'].map((name) => ({ name, passwordHash: 'hash', groups: [] }));
const will = { topic: 'w', qos: 2 as const, delaySeconds: 0 };

class UsersScenario extends Scenario {
  readonly home: MemberId;
  readonly elsewhere: MemberId;
  readonly operator: MemberId;
  readonly watcher: SimulatedClient;
  #requests = 0;

  constructor() {
    super({ whenIsolated: 'accept' });
    const [home, elsewhere, operator] = this.followers() as [string, string, string];
    this.home = home;
    this.elsewhere = elsewhere;
    this.operator = operator;
    this.waitFor('users are in force', 5_000, () =>
      this.memberIds.every((id) => this.status(id).semantics >= accessSemantics),
    );
    this.change({ users });
    this.watcher = this.client('watcher', operator, { subscriptions: [{ filter: 'w', qos: 2 }] });
  }

  /** Changes users and rules, and waits until the change is in force at all members that are up. */
  change(change: AccessChange): void {
    const { member } = this.world.host(this.operator);
    const version = (member?.access().version ?? 0) + 1;
    this.world.host(this.operator).post((each) => each.changeAccess(++this.#requests, change));
    this.waitFor('the change is in force', 2_000, () => member?.access().version === version);
  }

  /** Returns the number of wills that the watcher has received. */
  wills(): number {
    return this.arrivals(this.watcher).length;
  }
}

/** This test fails if `open` does not compare the user with the owner of the session. */
test('a stranger with the client id of another user gets neither the session nor its messages, at any member', () => {
  const scenario = new UsersScenario();
  const owner = scenario.client('c', scenario.home, {
    access: ada,
    subscriptions: [{ filter: 't', qos: 1 }],
  });
  const publisher = scenario.client('publisher', scenario.operator);
  owner.leave('close');
  for (let number = 0; number < 20; number += 1) publisher.publish('t', 1);
  scenario.run(500);
  for (const home of scenario.others(scenario.home)) {
    const stranger = scenario.unconnectedClient('c', home, {
      access: bob,
      clean: true,
      expirySeconds: 0,
      sharesClientId: true,
      reconnects: false,
    });
    stranger.connect();
    scenario.run(500);
    expect(stranger.connected).toBe(false);
  }
  owner.connect(scenario.elsewhere);
  scenario.waitFor('the messages arrive', 2_000, () => scenario.arrivals(owner).length === 20);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a will is published without a look at the rules. */
test('the cluster discards the will of a client whose home dies after a rule has denied the topic', () => {
  const scenario = new UsersScenario();
  scenario.client('denied', scenario.home, { access: ada, will, reconnects: false });
  scenario.client('allowed', scenario.home, { access: bob, will, reconnects: false });
  const topic = { actions: ['publish' as const], topics: ['w'] };
  scenario.change({
    rules: [
      { effect: 'deny', ...topic, users: ['ada'] },
      { effect: 'allow', ...topic },
    ],
  });
  scenario.world.powerOff(scenario.home);
  scenario.waitFor('a will is published', 6_000, () => scenario.wills() > 0);
  scenario.run(3_000);
  expect(scenario.wills()).toBe(1);
  scenario.world.start(scenario.home);
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if the deletion of a user does not end the connections and discard the wills of the user. */
test('a deleted user loses its connection, and its will is not published, also when its home dies at the same time', () => {
  const scenario = new UsersScenario();
  const there = scenario.client('there', scenario.elsewhere, { access: ada, will, reconnects: false });
  scenario.client('gone', scenario.home, { access: ada, will, reconnects: false });
  scenario.world.powerOff(scenario.home);
  scenario.change({ removed: ['ada'] });
  scenario.waitFor('the connection is closed', 1_000, () => !there.connected);
  scenario.run(6_000);
  expect(scenario.wills()).toBe(0);
  scenario.world.start(scenario.home);
  scenario.run(5_000);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if the conditional `open` of a healed member does not contain the user. */
test('a client that an isolated member has served is disconnected when the partition heals and its user was deleted', () => {
  const scenario = new UsersScenario();
  const { home } = scenario;
  scenario.world.partition([home], scenario.others(home));
  scenario.waitFor('isolated', 6_000, () => scenario.status(home).state === 'isolated');
  const client = scenario.client('c', home, {
    access: ada,
    clean: true,
    expirySeconds: 0,
    reconnects: false,
  });
  scenario.change({ removed: ['ada'] });
  scenario.run(500);
  expect(client.connected).toBe(true);
  scenario.world.heal();
  scenario.waitFor('the connection is closed', 2_000, () => !client.connected);
  scenario.run(3_000);
  expect(scenario.finish()).toEqual([]);
});
