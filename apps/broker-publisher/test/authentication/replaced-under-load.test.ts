import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '@mqtt-cluster/testing';
import { connectAsync } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { passwordLine } from '../support/password-file.ts';
import { TestCluster } from '../support/test-cluster.ts';

const members = ['a', 'b', 'c'] as const;
const notAuthorized = 0x87;
const directory = mkdtempSync(join(tmpdir(), 'replaced-'));
const passwordFile = join(directory, 'passwords');
const aclFile = join(directory, 'acl');
const publishPauseMs = 10;

/** Users by what happens to them. All clients of one user have the same end. */
const users = {
  keeper: 'one',
  removed: 'two',
  renewed: 'three',
  unreadable: 'four',
  unwilled: 'five',
  widened: 'six',
  denied: 'seven',
};
type User = keyof typeof users;
/** Publish and receive in each test, and must never be cut. */
const loadUser = 'keeper';

const rules = `user keeper
topic readwrite load/#
topic readwrite plant/#
user removed
topic readwrite plant/#
user renewed
topic readwrite plant/#
user unreadable
topic readwrite plant/#
user unwilled
topic readwrite plant/#
user widened
topic readwrite plant/#
user denied
topic readwrite plant/#
`;

/** Replaces a file in one step, as an editor or a playbook does. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

function writePasswords(passwords: Readonly<Record<string, string>>): void {
  const lines = Object.entries(passwords).map(([name, password]) => passwordLine(name, password));
  replace(passwordFile, lines.join(''));
}

/** A client that subscribes to `plant/#` and has a will on `plant/will`. */
interface Connection {
  readonly name: string;
  readonly client: MqttClient;
  /** Reason code of the DISCONNECT packet; null while the server has sent none. */
  reason: number | null;
  endedMs: number;
}

let cluster: TestCluster;
const clients: MqttClient[] = [];
let connections: Connection[] = [];

async function connectClient(
  member: string,
  user: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = await connectAsync(
    cluster.mqttUrl(member),
    { protocolVersion: 5, username: user, password: users[user as User], reconnectPeriod: 0, ...options },
    false,
  );
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

/** Connects one client of the user at each member. */
async function connectUser(user: User): Promise<void> {
  for (const member of members) {
    const will = { topic: 'plant/will', payload: Buffer.from('x'), qos: 0, retain: false } as const;
    const client = await connectClient(member, user, { clientId: `${user}-${member}`, will });
    await client.subscribeAsync('plant/#', { qos: 1 });
    const connection: Connection = { name: `${user}-${member}`, client, reason: null, endedMs: Infinity };
    client.on('disconnect', ({ reasonCode = 0 }) => (connection.reason = reasonCode));
    client.on('close', () => (connection.endedMs = performance.now()));
    connections.push(connection);
  }
}

const connectionsOf = (...wanted: readonly User[]): Connection[] =>
  connections.filter(({ name }) => wanted.includes(name.slice(0, name.indexOf('-')) as User));

/** A publisher and a subscriber of the user `keeper` at each member. */
class Load {
  readonly #received = new Map<string, Set<string>>();
  readonly #acknowledged: string[] = [];
  readonly #lanes: Promise<void>[] = [];
  readonly #clients: MqttClient[] = [];
  #isRunning = true;
  #number = 0;

  async start(): Promise<void> {
    for (const member of members) {
      const subscriber = await connectClient(member, loadUser);
      const received = new Set<string>();
      this.#received.set(member, received);
      subscriber.on('message', (_topic, payload) => received.add(payload.toString()));
      await subscriber.subscribeAsync('load/#', { qos: 1 });
      this.#clients.push(subscriber);
    }
    for (const member of members) {
      const publisher = await connectClient(member, loadUser);
      this.#clients.push(publisher);
      this.#lanes.push(this.#publish(publisher));
    }
    await this.hasProgress();
  }

  async #publish(publisher: MqttClient): Promise<void> {
    while (this.#isRunning) {
      const text = String(++this.#number);
      await publisher.publishAsync('load/x', text, { qos: 1 });
      this.#acknowledged.push(text);
      await delay(publishPauseMs);
    }
  }

  /** Resolves when further messages have been acknowledged. */
  async hasProgress(): Promise<void> {
    const before = this.#acknowledged.length;
    await until(() => this.#acknowledged.length >= before + 20);
  }

  /** Ends the load, and expects that every subscriber has every acknowledged message and that no connection was cut. */
  async end(): Promise<void> {
    await this.hasProgress();
    this.#isRunning = false;
    await Promise.all(this.#lanes);
    for (const received of this.#received.values())
      await until(() => this.#acknowledged.every((text) => received.has(text)));
    expect(this.#clients.map(({ connected }) => connected)).toEqual(this.#clients.map(() => true));
  }
}

/** Runs a change under load, and expects that exactly the clients of these users are cut at all members, as not authorized. */
async function expectCut(
  cut: readonly User[],
  kept: readonly User[],
  change: () => Promise<void> | void,
): Promise<void> {
  for (const user of [...cut, ...kept]) await connectUser(user);
  const load = new Load();
  await load.start();
  const fromMs = performance.now();
  await change();
  const ended = connectionsOf(...cut);
  expect(ended).toHaveLength(cut.length * members.length);
  await until(() => ended.every(({ endedMs }) => endedMs < Infinity));
  const tookMs = Math.max(...ended.map(({ endedMs }) => endedMs)) - fromMs;
  process.stderr.write(`${cut.join(' and ')}: cut on all members after ${(tookMs / 1_000).toFixed(1)} s\n`);
  expect(ended.map(({ reason }) => reason)).toEqual(ended.map(() => notAuthorized));
  await load.end();
  const open = connectionsOf(...kept).filter(({ client }) => client.connected);
  expect(open).toHaveLength(kept.length * members.length);
}

beforeAll(async () => {
  writePasswords(users);
  replace(aclFile, rules);
  cluster = await TestCluster.start(members, {
    mqtt: { anonymous: false, authentication: ['passwordFile'], passwordFile, aclFile },
  });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)));
  connections = [];
});

afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true });
});

/** Returns whether each member accepts the user. */
function accepted(user: string, password: string): Promise<boolean[]> {
  return Promise.all(
    members.map((member) =>
      connectClient(member, user, { password }).then(
        () => true,
        () => false,
      ),
    ),
  );
}

test('a replaced password file cuts removed users and those with another password on all members, and nobody else', async () => {
  const { removed, ...others } = users;
  await expectCut(['removed', 'renewed'], ['widened', 'denied'], () =>
    writePasswords({ ...others, renewed: 'another', added: 'new' }),
  );
  expect(await accepted('removed', removed)).toEqual([false, false, false]);
  expect(await accepted('renewed', users.renewed)).toEqual([false, false, false]);
  expect(await accepted('renewed', 'another')).toEqual([true, true, true]);
  expect(await accepted('added', 'new')).toEqual([true, true, true]);
}, 300_000);

test('a replaced ACL file cuts those who lose a right that they use on all members, and nobody else', async () => {
  const without = (user: User, lines: string): string =>
    rules.replace(`user ${user}\ntopic readwrite plant/#\n`, `user ${user}\n${lines}`);
  const unreadable = without('unreadable', 'topic write plant/#\n');
  await expectCut(['unreadable', 'unwilled'], ['widened', 'denied'], () =>
    replace(
      aclFile,
      unreadable
        .replace('user unwilled\ntopic readwrite plant/#\n', 'user unwilled\ntopic read plant/#\n')
        .replace('user widened\ntopic readwrite plant/#\n', 'user widened\ntopic readwrite #\n'),
    ),
  );
}, 300_000);

test('replaced rules of the cluster cut those who lose a right that they use on all members, and nobody else', async () => {
  const deny = { effect: 'deny', actions: ['subscribe'], topics: ['plant/#'], users: ['denied'] };
  const harmless = { effect: 'deny', actions: ['subscribe'], topics: ['other/#'], users: ['widened'] };
  await expectCut(['denied'], ['widened'], async () => {
    const response = await fetch(`${cluster.httpUrl('b')}/cluster/rules`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rules: [deny, harmless] }),
    });
    expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
  });
}, 300_000);
