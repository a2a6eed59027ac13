import { accessSemantics } from '@mqtt-cluster/contracts';
import type { ConnectionAccess, Epoch, MemberId, WillOwner } from '@mqtt-cluster/contracts';
import { request, TestCluster, text } from './cluster.ts';

const place = { address: '10.0.0.1', listener: 'default' };
const eve: ConnectionAccess = { source: 'passwordFile', user: 'eve', ...place };
const ofEve = ({ source, user }: WillOwner): boolean => source === 'passwordFile' && user === 'eve';
const certificate: ConnectionAccess = { ...eve, source: 'certificate' };
const disableEve = { users: [{ name: 'eve', passwordHash: '', groups: [], disabled: true }] };
const delaySeconds = 6;
const will = { topic: 'w', payload: text('gone'), qos: 1 as const, retain: false, delaySeconds };

/** A cluster in which users are in force. The members `home` and `other` follow. */
function start(): { cluster: TestCluster; leader: MemberId; home: MemberId; other: MemberId } {
  const cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
  cluster.until('semantics', () =>
    [...cluster.members.values()].every((member) => member.status().semantics >= accessSemantics),
  );
  const leader = cluster.leader();
  const [home, other] = [...cluster.members.keys()].filter((id) => id !== leader) as [MemberId, MemberId];
  return { cluster, leader, home, other };
}

/** Connects a client with a delayed will. Returns the epoch of the connection. */
function connect(
  cluster: TestCluster,
  id: MemberId,
  connection: number,
  access = eve,
  changes: object = {},
): Epoch {
  const connecting = { ...request('c', 3_600), access, will, ...changes };
  cluster.member(id).input(connection, { kind: 'connect', request: connecting });
  cluster.run(200);
  const { epoch } = cluster.member(id).view().session(connecting.client)!;
  expect(epoch).toBeGreaterThan(0);
  expect(cluster.takeEffects(id, connection)).toMatchObject([{ kind: 'connack', epoch }]);
  return epoch;
}

/** The socket of the client closes without DISCONNECT. */
function drop(cluster: TestCluster, id: MemberId, connection: number): void {
  cluster.member(id).input(connection, { kind: 'disconnect', graceful: false });
  cluster.run(200);
}

/** Returns the number of wills that the members have published. */
function fired(cluster: TestCluster): number {
  return Math.max(
    ...[...cluster.events.values()].map((events) => events.filter(({ kind }) => kind === 'willFired').length),
  );
}

function closed(cluster: TestCluster, id: MemberId, connection: number): boolean {
  return cluster.takeEffects(id, connection).some(({ kind }) => kind === 'close');
}

describe('a will whose delay runs', () => {
  test('is discarded on all members when one member loses its user, and wills of other users stay', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    connect(cluster, home, 2, { ...eve, user: 'bob' }, { client: 'd' });
    connect(cluster, home, 3, { ...eve, source: 'jwt' }, { client: 'e' });
    for (const connection of [1, 2, 3]) drop(cluster, home, connection);
    cluster.member(other).discardWills(ofEve);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(2);
  });

  test('leads to no entry after it is discarded, although all members lose its user again', () => {
    const { cluster, home } = start();
    connect(cluster, home, 1);
    drop(cluster, home, 1);
    for (const member of cluster.members.values()) member.discardWills(ofEve);
    cluster.run(1_000);
    const index = cluster.member(home).commitIndex();
    for (const member of cluster.members.values()) member.discardWills(ofEve);
    cluster.run(40_000);
    expect(cluster.member(home).commitIndex()).toBe(index);
    expect(fired(cluster)).toBe(0);
  });

  test('is discarded by one command, although its proposals do not arrive for a second', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    drop(cluster, home, 1);
    const batches = new Set<string>();
    cluster.onOutput(other, (output) => {
      for (const { message } of output.send)
        if (message.type === 'propose')
          for (const batch of message.batches) batches.add(Buffer.from(batch).toString('hex'));
      return output;
    });
    cluster.holdProposals = other;
    cluster.member(other).discardWills(ofEve);
    cluster.run(1_000);
    cluster.holdProposals = null;
    cluster.run(10_000);
    expect(batches.size).toBe(1);
    expect(fired(cluster)).toBe(0);
  });

  test('stays if a connection set it after the loss, such as one of a user that has returned', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    cluster.member(other).discardWills(ofEve);
    connect(cluster, home, 2);
    drop(cluster, home, 2);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(1);
  });

  test('is discarded by the epoch of its connection, also before the end of the connection is applied', () => {
    const { cluster, home } = start();
    const lost = connect(cluster, home, 1);
    cluster.member(home).input(1, { kind: 'disconnect', graceful: false });
    cluster.member(home).discardWills(({ epoch }) => epoch === lost);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(0);
  });

  test('stays when a later connection at another member set it, and only the epoch of the first one is lost', () => {
    const { cluster, home, other } = start();
    const lost = connect(cluster, home, 1);
    drop(cluster, home, 1);
    connect(cluster, other, 2);
    drop(cluster, other, 2);
    cluster.member(home).discardWills(({ epoch }) => epoch === lost);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(1);
  });

  test('is discarded after the majority has returned', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    drop(cluster, home, 1);
    cluster.cut(other);
    cluster.until('isolated', () => cluster.member(other).status().state === 'isolated');
    cluster.member(other).discardWills(ofEve);
    cluster.run(500);
    cluster.heal(other);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(0);
  });

  test('is discarded also if the majority returns long after the loss', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1, eve, { will: { ...will, delaySeconds: 60 } });
    drop(cluster, home, 1);
    cluster.cut(other);
    cluster.until('isolated', () => cluster.member(other).status().state === 'isolated');
    cluster.member(other).discardWills(ofEve);
    cluster.run(40_000);
    cluster.heal(other);
    cluster.run(30_000);
    expect(fired(cluster)).toBe(0);
  });

  test('is discarded when its user of a certificate is disabled in the cluster', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1, certificate);
    connect(cluster, home, 2, { ...certificate, user: 'bob' }, { client: 'd' });
    drop(cluster, home, 1);
    drop(cluster, home, 2);
    cluster.member(other).changeAccess(1, disableEve);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(1);
  });

  test('is discarded by the next leader if its user of a certificate is disabled', () => {
    const { cluster, home, other, leader } = start();
    cluster.member(other).changeAccess(1, disableEve);
    cluster.run(2_000);
    // The home has authenticated the client before it applied the change.
    connect(cluster, home, 1, certificate);
    drop(cluster, home, 1);
    cluster.cut(leader);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(0);
  });
});

describe('the connection of a user that another member loses', () => {
  test('stays while its home is reachable, and its will is discarded if it ends soon after', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    cluster.member(other).discardWills(ofEve);
    cluster.run(5_000);
    expect(closed(cluster, home, 1)).toBe(false);
    drop(cluster, home, 1);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(0);
  });

  test('keeps its will if it ends long after, because its home has kept the user', () => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    cluster.member(other).discardWills(ofEve);
    cluster.run(31_000);
    drop(cluster, home, 1);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(1);
  });

  test.each([
    [
      'keeps its will if it ends long after, although the member has searched for other users since',
      ({ user }: WillOwner) => user === 'bob',
      1,
    ],
    ['loses its will if it ends soon after the last of two losses of its user', ofEve, 0],
  ])('%s', (_claim, isLost, wills) => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1);
    cluster.member(other).discardWills(ofEve);
    cluster.run(20_000);
    cluster.member(other).discardWills(isLost);
    cluster.run(11_000);
    drop(cluster, home, 1);
    cluster.run(10_000);
    expect(fired(cluster)).toBe(wills);
  });

  test.each([0, delaySeconds])('loses its will with a delay of %d s if its home is dead', (delay) => {
    const { cluster, home, other } = start();
    connect(cluster, home, 1, eve, { will: { ...will, delaySeconds: delay } });
    cluster.cut(home);
    cluster.member(other).discardWills(ofEve);
    cluster.run(15_000);
    expect(fired(cluster)).toBe(0);
  });
});
