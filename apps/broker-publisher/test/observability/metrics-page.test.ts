import { applianceMetrics, processMetrics } from '@mqtt-cluster/metric-catalogue';
import { Appliances, until } from '../support/appliances.ts';
import type { Samples } from '../support/appliances.ts';

let appliances: Appliances | null = null;

afterEach(async () => {
  await appliances?.stop();
  appliances = null;
});

const persistent = { clean: false } as const;
const will = { topic: 'last', payload: Buffer.from('words'), qos: 1, retain: false } as const;

test('the page of a member has every metric of the catalogue, and no other', async () => {
  appliances = await Appliances.start(['a', 'b', 'c'], {
    publisher: { rate: 20, group: 'shared' },
    limits: { logBytesMax: 1024 * 1024 },
  });
  const ids = ['a', 'b', 'c'];
  // Enough for a snapshot.
  const client = await appliances.connect('a', 'writer');
  const largeCount = 12;
  for (let id = 1; id <= largeCount; id++) client.publish('large', 'x'.repeat(100 * 1024), 1, id);
  await client.got('puback', largeCount);
  let pages: Samples[] = [];
  const isLeader = (samples: Samples): boolean => samples.value('raft_is_leader') === 1;
  await until(async () => {
    pages = await Promise.all(ids.map((id) => appliances!.metrics(id)));
    const settled = pages.every(
      (samples) =>
        samples.value('snapshots_total', 'action="taken"') > 0 &&
        samples.names.has('mqtt_cluster_bridge_round_trip_seconds'),
    );
    return settled && pages.filter(isLeader).length === 1;
  });
  const ours = (samples: Samples): string[] =>
    [...samples.names].filter((name) => !/^(process|nodejs)_/.test(name)).sort();
  // There is none without TLS; see measuring.test.ts.
  const expected = applianceMetrics
    .map(({ name }) => name)
    .filter((name) => name !== processMetrics.certificateExpiry.name)
    .sort();
  for (const samples of pages) {
    // What a peer lacks is known to the leader alone.
    const known = isLeader(samples)
      ? expected
      : expected.filter((name) => name !== 'mqtt_cluster_raft_peer_lag_entries');
    expect(ours(samples)).toEqual(known);
    for (const metric of applianceMetrics) {
      const at = samples.text.indexOf(`# TYPE ${metric.name} `);
      if (at >= 0)
        expect(samples.text.slice(at)).toMatch(new RegExp(`^# TYPE ${metric.name} ${metric.type}\n`));
    }
    expect(samples.value('build_info', `node="${process.version}",version="test"`)).toBe(1);
    expect(samples.value('data_disk_free_bytes')).toBeGreaterThan(0);
    expect(samples.value('data_disk_size_bytes')).toBeGreaterThanOrEqual(
      samples.value('data_disk_free_bytes'),
    );
    expect(samples.value('store_bytes', 'part="snapshots"')).toBeGreaterThan(0);
    expect(samples.value('raft_members', 'role="voter"')).toBe(3);
    for (const peer of ids.filter((id) => pages[ids.indexOf(id)] !== samples)) {
      expect(samples.value('bridge_up', `peer="${peer}"`)).not.toBeNaN();
      expect(samples.value('bridge_bytes_total', `direction="sent",peer="${peer}"`)).toBeGreaterThan(0);
      expect(samples.value('bridge_bytes_total', `direction="received",peer="${peer}"`)).toBeGreaterThan(0);
    }
  }
});

test('the values are what was done', async () => {
  appliances = await Appliances.start(['a']);
  const subscriber = await appliances.connect('a', 'subscriber', persistent);
  await subscriber.subscribe('x/#', 2);
  const listener = await appliances.connect('a', 'listener', { protocolVersion: 5 });
  await listener.subscribe('x/#', 0);
  await listener.subscribe('y', 0);
  const publisher = await appliances.connect('a', 'publisher');
  for (let count = 0; count < 3; count++) publisher.publish('x/0', 'zero', 0);
  for (let id = 1; id <= 4; id++) publisher.publish('x/1', 'one', 1, id);
  publisher.publish('x/1', 'kept', 1, 5, true);
  for (let id = 6; id <= 7; id++) publisher.publish('x/2', 'two', 2, id);
  await publisher.got('puback', 5);
  await publisher.got('pubrec', 2);
  for (let id = 6; id <= 7; id++) publisher.send({ cmd: 'pubrel', messageId: id });
  await publisher.got('pubcomp', 2);
  await subscriber.got('publish', 10);
  await listener.got('publish', 10);

  const samples = await appliances.metrics('a');
  const received = [0, 1, 2].map((qos) => samples.value('publishes_received_total', `qos="${qos}"`));
  expect(received).toEqual([3, 5, 2]);
  const sent = [0, 1, 2].map((qos) => samples.value('publishes_sent_total', `qos="${qos}"`));
  // The subscriber got each as it was published, the listener all with QoS 0.
  expect(sent).toEqual([3 + 10, 5, 2]);
  expect(samples.value('publish_acks_total', 'durability="majority",qos="1"')).toBe(5);
  expect(samples.value('publish_acks_total', 'durability="majority",qos="2"')).toBe(2);
  expect(samples.value('publish_acks_total', 'durability="degraded",qos="1"')).toBe(0);
  expect(samples.value('connects_total', 'protocol="3.1.1"')).toBe(2);
  expect(samples.value('connects_total', 'protocol="5"')).toBe(1);
  expect(samples.value('clients_connected')).toBe(3);
  expect(samples.value('clients_max')).toBe(10_000);
  expect(samples.value('sessions')).toBe(3);
  expect(samples.value('subscriptions')).toBe(1);
  expect(samples.value('home_subscriptions')).toBe(3);
  expect(samples.value('retained_messages')).toBe(1);
  expect(samples.value('session_open_seconds_count', 'session="new"')).toBe(3);
  expect(samples.value('session_open_seconds_count', 'session="present"')).toBe(0);
  // Nothing of QoS 1 and 2 has been acknowledged by the subscriber.
  expect(samples.value('in_flight_messages')).toBe(7);
  expect(samples.value('queued_messages')).toBe(7);
  expect(samples.value('commit_seconds_count')).toBeGreaterThan(0);
  expect(samples.value('delivery_seconds_count')).toBeGreaterThan(0);
  expect(samples.value('store_sync_seconds_count')).toBeGreaterThan(0);
  expect(samples.value('raft_is_leader')).toBe(1);
  expect(samples.value('raft_log_index', 'position="applied"')).toBe(
    samples.value('raft_log_index', 'position="committed"'),
  );
});

test('connections that end or never begin are counted by reason', async () => {
  appliances = await Appliances.start(['a']);
  const first = await appliances.connect('a', 'same', persistent);
  const second = await appliances.connect('a', 'same', persistent);
  await first.closed();
  second.send({ cmd: 'disconnect' });
  await second.closed();
  const gone = await appliances.connect('a', 'gone');
  gone.cut();
  const rude = await appliances.connect('a', 'rude');
  rude.write(Buffer.from([0xf0, 0])); // AUTH is not of MQTT 3.1.1
  await rude.closed();
  const garbage = await appliances.open('a');
  garbage.write(Buffer.alloc(100, 'GET / HTTP/1.1 '));
  await garbage.closed();
  const nameless = await appliances.open('a');
  // CONNECT of MQTT 3.1.1 without client id, and without Clean Session [MQTT-3.1.3-8].
  nameless.write(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
  await nameless.closed();
  await until(async () => (await appliances!.metrics('a')).value('clients_connected') === 0);

  const samples = await appliances.metrics('a');
  const ended = (reason: string): number => samples.value('disconnects_total', `reason="${reason}"`);
  expect([ended('taken_over'), ended('client'), ended('network'), ended('protocol_error')]).toEqual([
    1, 1, 1, 1,
  ]);
  expect(samples.value('takeovers_total')).toBe(1);
  const refused = (reason: string): number =>
    samples.value('connection_refusals_total', `reason="${reason}"`);
  expect([refused('malformed'), refused('client_id'), refused('not_authorized')]).toEqual([1, 1, 0]);
  expect(samples.value('connects_total', 'protocol="3.1.1"')).toBe(4);
  expect(samples.value('session_open_seconds_count', 'session="present"')).toBe(1);
});

test('what the log brings is counted once in the cluster, and not again after a restart', async () => {
  const ids = ['a', 'b', 'c'];
  appliances = await Appliances.start(ids);
  const total = async (name: string, labels = ''): Promise<number> => {
    const pages = await Promise.all(ids.map((id) => appliances!.metrics(id)));
    return pages.reduce((sum, samples) => sum + samples.value(name, labels), 0);
  };
  const mourner = await appliances.connect('b', 'mourner');
  await mourner.subscribe('last', 1);
  for (const id of ids) {
    const client = await appliances.connect(id, `dies-at-${id}`, { will });
    client.cut();
  }
  await mourner.got('publish', ids.length);
  // All members have applied it when all of them know of only one session.
  const oneSession = async (): Promise<boolean> => {
    const states = await Promise.all(ids.map((id) => appliances!.status(id)));
    return states.every(({ sessions }) => sessions === 1);
  };
  await until(oneSession);
  expect(await total('wills_fired_total', 'by="home"')).toBe(ids.length);
  expect(await total('wills_fired_total', 'by="cluster"')).toBe(0);
  expect(await total('sessions_ended_total')).toBe(ids.length);

  await appliances.stopOne('a');
  await appliances.startOne('a');
  await appliances.serving('a');
  // It has applied the same log again.
  const again = await appliances.metrics('a');
  expect(again.value('wills_fired_total', 'by="home"')).toBe(0);
  expect(again.value('sessions_ended_total')).toBe(0);
  expect(again.value('member_incarnation')).toBe(2);
});

test('messages that a queue at its bound drops are counted once', async () => {
  const ids = ['a', 'b', 'c'];
  appliances = await Appliances.start(ids);
  const away = await appliances.connect('a', 'away', persistent);
  await away.subscribe('q', 1);
  away.send({ cmd: 'disconnect' });
  await away.closed();
  const bound = (await appliances.metrics('b')).value('session_queue_messages_max');
  const beyond = 5;
  const publisher = await appliances.connect('b', 'publisher');
  for (let id = 1; id <= bound + beyond; id++) publisher.publish('q', 'x', 1, id);
  await publisher.got('puback', bound + beyond);
  await until(async () => {
    const pages = await Promise.all(ids.map((id) => appliances!.metrics(id)));
    return pages.every((samples) => samples.value('queued_messages') === bound);
  });
  const pages = await Promise.all(ids.map((id) => appliances!.metrics(id)));
  const dropped = pages.map((samples) => samples.value('dropped_messages_total', 'reason="queue_full"'));
  expect(dropped).toEqual([0, beyond, 0]);
});
