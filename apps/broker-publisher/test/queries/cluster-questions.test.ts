import { createBridge } from '@mqtt-cluster/bridge';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { HelloMessage, PeerMessage } from '@mqtt-cluster/contracts';
import { helloOf } from '@mqtt-cluster/contracts/testing';
import { host, until } from '@mqtt-cluster/testing';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['m1', 'm2', 'm3'];
let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start(ids);
});
afterEach(() => cluster.close());

const everywhere = (...clients: readonly string[]) => clients.map((id) => ({ id, member: null }));

test('a member describes and disconnects the clients of all members', async () => {
  const m1 = cluster.appliance('m1').clusterQueries;
  await cluster.connect('m1', 'one');
  const two = await cluster.connect('m2', 'two', { protocolVersion: 5 });
  const three = await cluster.connect('m3', 'three');
  const { details, unreachable, tooOld } = await m1.connectionDetails([
    ...everywhere('one', 'absent'),
    { id: 'two', member: 'm2' },
    { id: 'three', member: 'm3' },
  ]);
  expect({ unreachable, tooOld }).toEqual({ unreachable: [], tooOld: [] });
  expect(
    [...details.values()].map(({ client, member, protocol }) => `${client} ${member} ${protocol}`).toSorted(),
  ).toEqual(['one m1 3.1.1', 'three m3 3.1.1', 'two m2 5.0']);

  const { ended } = await m1.disconnectClients(['two', 'three', 'absent']);
  expect([...ended].toSorted()).toEqual(['three', 'two']);
  await Promise.all([two.closed(), three.closed()]);
  expect(two.received.at(-1)).toMatchObject({ cmd: 'disconnect', reasonCode: 0x98 });

  const { events } = await m1.events({ client: 'two', limit: 10 });
  expect(events).toMatchObject([
    { kind: 'disconnected', member: 'm2', reason: 'administrative' },
    { kind: 'connected', member: 'm2' },
  ]);
  const all = await m1.events({ limit: 100 });
  expect(all.events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['elected', 'serving']));
  expect((await m1.events({ limit: 2 })).events).toEqual(all.events.slice(0, 2));
});

test('clients with the longest identifiers are described although one answer has no room for all', async () => {
  const longIds = Array.from({ length: 120 }, (_, index) => `${index}-`.padEnd(250, 'x'));
  for (const id of longIds) {
    await cluster.connect('m2', id, {
      will: { topic: 't'.repeat(5_000), payload: Buffer.alloc(1), qos: 0, retain: false },
    });
  }
  const { details } = await cluster
    .appliance('m1')
    .clusterQueries.connectionDetails(longIds.map((id) => ({ id, member: 'm2' })));
  expect(details.size).toBe(120);
});

test('a stopped member is unreachable, and the others answer', async () => {
  await cluster.connect('m2', 'two');
  await cluster.stop('m3');
  const m1 = cluster.appliance('m1').clusterQueries;
  const { details, unreachable, tooOld } = await m1.connectionDetails(everywhere('two'));
  expect({ unreachable, tooOld }).toEqual({ unreachable: ['m3'], tooOld: [] });
  expect(details.get('two')).toMatchObject({ member: 'm2' });
  expect((await m1.events({ limit: 10 })).unreachable).toEqual(['m3']);
});

/** A peer in the place of m3: it has links, but only this test decides what it sends. */
async function replaceThirdMember(fields: Partial<HelloMessage> = {}) {
  await cluster.stop('m3');
  const received: PeerMessage[] = [];
  const hello = helloOf({ incarnation: 9, state: 'isolated', ...fields });
  const bridge = createBridge({
    self: 'm3',
    cluster: 'mqtt-cluster',
    peers: ids.map((id) => ({ id, host, port: cluster.portsOf(id).cluster })),
    listen: { host, port: cluster.portsOf('m3').cluster },
    handlers: {
      onMessage: (_from, message) => received.push(message),
      onLink: (peer, state) => {
        if (state === 'up') bridge.send([{ to: peer, channel: 'raft', message: hello }]);
      },
    },
    logger: silentLogger,
  });
  await bridge.start();
  await until(async () => {
    const { links, peers } = await cluster.status('m1');
    return links.m3 === 'up' && peers.m3?.state === 'isolated';
  });
  return { received, stop: () => bridge.stop() };
}

test('a member of an older version is too old, and never receives a question', async () => {
  const older = await replaceThirdMember();
  const m1 = cluster.appliance('m1').clusterQueries;
  const { events, unreachable, tooOld } = await m1.events({ limit: 10 });
  expect({ unreachable, tooOld }).toEqual({ unreachable: [], tooOld: ['m3'] });
  expect(events.length).toBeGreaterThan(0);
  await older.stop();
  expect(older.received.filter(({ type }) => type === 'query')).toEqual([]);
});

test('a member that does not answer is unreachable when the deadline passes', async () => {
  const paused = await replaceThirdMember({ api: 1 });
  const m1 = cluster.appliance('m1').clusterQueries;
  const { details, unreachable, tooOld } = await m1.connectionDetails(everywhere('one'));
  expect({ unreachable, tooOld }).toEqual({ unreachable: ['m3'], tooOld: [] });
  expect(details.size).toBe(0);
  await paused.stop();
  expect(paused.received.filter(({ type }) => type === 'query')).toHaveLength(1);
});
