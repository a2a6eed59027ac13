import {
  applianceMetrics,
  linkMetrics,
  processMetrics,
  revocationListMetrics,
} from '@mqtt-cluster/metric-catalogue';
import { until } from '@mqtt-cluster/testing';
import type { MetricsPage } from '../support/metrics-page.ts';
import { TestCluster } from '../support/test-cluster.ts';

let cluster: TestCluster | null = null;

afterEach(async () => {
  await cluster?.close();
  cluster = null;
});

const persistent = { clean: false } as const;
const will = { topic: 'last', payload: Buffer.from('words'), qos: 1, retain: false } as const;

test('the metrics page of a member contains every metric of the catalogue and no other', async () => {
  cluster = await TestCluster.start(['a', 'b', 'c'], {
    publisher: { rate: 20, group: 'shared' },
    limits: { logBytesMax: 1024 * 1024 },
  });
  const ids = ['a', 'b', 'c'];
  // Enough bytes to trigger a snapshot.
  const client = await cluster.connect('a', 'writer');
  const largeCount = 12;
  for (let id = 1; id <= largeCount; id++) client.publish('large', 'x'.repeat(100 * 1024), 1, id);
  await client.got('puback', largeCount);
  let pages: MetricsPage[] = [];
  const isLeader = (page: MetricsPage): boolean => page.value('raft_is_leader') === 1;
  await until(async () => {
    pages = await Promise.all(ids.map((id) => cluster!.metrics(id)));
    const settled = pages.every(
      (page) =>
        page.value('snapshots_total', 'action="taken"') > 0 &&
        // A scrape on a busy machine does not wait for the disk.
        page.value('data_disk_free_bytes') > 0 &&
        page.names.has('mqtt_cluster_bridge_round_trip_seconds'),
    );
    return settled && pages.filter(isLeader).length === 1;
  });
  const ours = (page: MetricsPage): string[] =>
    [...page.names].filter((name) => !/^(process|nodejs)_/.test(name)).sort();
  // These metrics exist only with TLS, with files that are read again, and with links to other brokers.
  const optional: readonly string[] = [
    processMetrics.certificateExpiry.name,
    processMetrics.fileRefused.name,
    revocationListMetrics.expiry.name,
    ...Object.values(linkMetrics).map(({ name }) => name),
  ];
  const expected = applianceMetrics
    .map(({ name }) => name)
    .filter((name) => !optional.includes(name))
    .sort();
  for (const page of pages) {
    // Only the leader exports the lag of its peers.
    const known = isLeader(page)
      ? expected
      : expected.filter((name) => name !== 'mqtt_cluster_raft_peer_lag_entries');
    expect(ours(page)).toEqual(known);
    for (const metric of applianceMetrics) {
      const at = page.text.indexOf(`# TYPE ${metric.name} `);
      if (at >= 0) expect(page.text.slice(at)).toMatch(new RegExp(`^# TYPE ${metric.name} ${metric.type}\n`));
    }
    expect(page.value('build_info', `node="${process.version}",version="test"`)).toBe(1);
    expect(page.value('data_disk_free_bytes')).toBeGreaterThan(0);
    expect(page.value('data_disk_size_bytes')).toBeGreaterThanOrEqual(page.value('data_disk_free_bytes'));
    expect(page.value('store_bytes', 'part="snapshots"')).toBeGreaterThan(0);
    expect(page.value('raft_members', 'role="voter"')).toBe(3);
    for (const peer of ids.filter((id) => pages[ids.indexOf(id)] !== page)) {
      expect(page.value('bridge_up', `peer="${peer}"`)).not.toBeNaN();
      expect(page.value('bridge_bytes_total', `direction="sent",peer="${peer}"`)).toBeGreaterThan(0);
      expect(page.value('bridge_bytes_total', `direction="received",peer="${peer}"`)).toBeGreaterThan(0);
    }
  }
});

test('the metrics page of a member shows whether this member may be stopped, as /cluster/health?stop= answers', async () => {
  const ids = ['a', 'b', 'c'];
  cluster = await TestCluster.start(ids);
  const values = async (id: string): Promise<number[]> => {
    const page = await cluster!.metrics(id);
    return [page.value('member_stoppable'), page.value('member_stop_blocked', 'reason="member_unhealthy"')];
  };
  await until(async () => (await Promise.all(ids.map(values))).every(([stoppable]) => stoppable === 1));
  await cluster.stop('c');
  // The leader counts a member as unreachable after two seconds of silence.
  await until(async () => (await values('a'))[1] === 1 && (await values('b'))[1] === 1);
  expect(await values('a')).toEqual([0, 1]);
});

test('the values on the metrics page match the packets and sessions of the clients', async () => {
  cluster = await TestCluster.start(['a']);
  const subscriber = await cluster.connect('a', 'subscriber', persistent);
  await subscriber.subscribe('x/#', 2);
  const listener = await cluster.connect('a', 'listener', { protocolVersion: 5 });
  await listener.subscribe('x/#', 0);
  await listener.subscribe('y', 0);
  const publisher = await cluster.connect('a', 'publisher');
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

  const page = await cluster.metrics('a');
  const received = [0, 1, 2].map((qos) => page.value('publishes_received_total', `qos="${qos}"`));
  expect(received).toEqual([3, 5, 2]);
  const sent = [0, 1, 2].map((qos) => page.value('publishes_sent_total', `qos="${qos}"`));
  // The subscriber received each message with its QoS, the listener all messages with QoS 0.
  expect(sent).toEqual([3 + 10, 5, 2]);
  expect(page.value('publish_acks_total', 'durability="majority",qos="1"')).toBe(5);
  expect(page.value('publish_acks_total', 'durability="majority",qos="2"')).toBe(2);
  expect(page.value('publish_acks_total', 'durability="degraded",qos="1"')).toBe(0);
  expect(page.value('connects_total', 'protocol="3.1.1"')).toBe(2);
  expect(page.value('connects_total', 'protocol="5"')).toBe(1);
  expect(page.value('clients_connected')).toBe(3);
  expect(page.value('clients_max')).toBe(10_000);
  expect(page.value('sessions')).toBe(3);
  expect(page.value('subscriptions')).toBe(1);
  expect(page.value('home_subscriptions')).toBe(3);
  expect(page.value('retained_messages')).toBe(1);
  expect(page.value('session_open_seconds_count', 'session="new"')).toBe(3);
  expect(page.value('session_open_seconds_count', 'session="present"')).toBe(0);
  // The subscriber has acknowledged no QoS 1 or 2 message.
  expect(page.value('in_flight_messages')).toBe(7);
  expect(page.value('queued_messages')).toBe(7);
  expect(page.value('commit_seconds_count')).toBeGreaterThan(0);
  expect(page.value('delivery_seconds_count')).toBeGreaterThan(0);
  expect(page.value('store_sync_seconds_count')).toBeGreaterThan(0);
  expect(page.value('raft_is_leader')).toBe(1);
  expect(page.value('raft_log_index', 'position="applied"')).toBe(
    page.value('raft_log_index', 'position="committed"'),
  );
});

test('a member counts closed and rejected connections by reason', async () => {
  cluster = await TestCluster.start(['a']);
  const first = await cluster.connect('a', 'same', persistent);
  const second = await cluster.connect('a', 'same', persistent);
  await first.closed();
  second.send({ cmd: 'disconnect' });
  await second.closed();
  const gone = await cluster.connect('a', 'gone');
  gone.destroy();
  const violator = await cluster.connect('a', 'violator');
  violator.write(Buffer.from([0xf0, 0])); // MQTT 3.1.1 has no AUTH packet
  await violator.closed();
  const garbage = await cluster.openConnection('a');
  garbage.write(Buffer.alloc(100, 'GET / HTTP/1.1 '));
  await garbage.closed();
  const nameless = await cluster.openConnection('a');
  // CONNECT of MQTT 3.1.1 without a client identifier and with Clean Session 0 [MQTT-3.1.3-8].
  nameless.write(Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0]));
  await nameless.closed();
  await until(async () => (await cluster!.metrics('a')).value('clients_connected') === 0);

  const page = await cluster.metrics('a');
  const ended = (reason: string): number => page.value('disconnects_total', `reason="${reason}"`);
  expect([ended('taken_over'), ended('client'), ended('network'), ended('protocol_error')]).toEqual([
    1, 1, 1, 1,
  ]);
  expect(page.value('takeovers_total')).toBe(1);
  const refused = (reason: string): number => page.value('connection_refusals_total', `reason="${reason}"`);
  expect([refused('malformed'), refused('client_id'), refused('not_authorized')]).toEqual([1, 1, 0]);
  expect(page.value('connects_total', 'protocol="3.1.1"')).toBe(4);
  expect(page.value('session_open_seconds_count', 'session="present"')).toBe(1);
});

test('only one member counts the effects of a log entry, and this member does not count them again after a restart', async () => {
  const ids = ['a', 'b', 'c'];
  cluster = await TestCluster.start(ids);
  const total = async (name: string, labels = ''): Promise<number> => {
    const pages = await Promise.all(ids.map((id) => cluster!.metrics(id)));
    return pages.reduce((sum, page) => sum + page.value(name, labels), 0);
  };
  const willSubscriber = await cluster.connect('b', 'will-subscriber');
  await willSubscriber.subscribe('last', 1);
  for (const id of ids) {
    const client = await cluster.connect(id, `dies-at-${id}`, { will });
    client.destroy();
  }
  await willSubscriber.got('publish', ids.length);
  // All members have applied the wills when each of them has only the subscriber's session left.
  const oneSession = async (): Promise<boolean> => {
    const states = await Promise.all(ids.map((id) => cluster!.status(id)));
    return states.every(({ sessions }) => sessions === 1);
  };
  await until(oneSession);
  expect(await total('wills_fired_total', 'by="home"')).toBe(ids.length);
  expect(await total('wills_fired_total', 'by="cluster"')).toBe(0);
  expect(await total('sessions_ended_total')).toBe(ids.length);

  await cluster.stop('a');
  await cluster.start('a');
  await cluster.serving('a');
  // The restarted member has applied the same entries again.
  const again = await cluster.metrics('a');
  expect(again.value('wills_fired_total', 'by="home"')).toBe(0);
  expect(again.value('sessions_ended_total')).toBe(0);
  expect(again.value('member_incarnation')).toBe(2);
});

test('only one member counts each message that a full queue drops', async () => {
  const ids = ['a', 'b', 'c'];
  cluster = await TestCluster.start(ids);
  const away = await cluster.connect('a', 'away', persistent);
  await away.subscribe('q', 1);
  away.send({ cmd: 'disconnect' });
  await away.closed();
  const bound = (await cluster.metrics('b')).value('session_queue_messages_max');
  const beyond = 5;
  const publisher = await cluster.connect('b', 'publisher');
  for (let id = 1; id <= bound + beyond; id++) publisher.publish('q', 'x', 1, id);
  await publisher.got('puback', bound + beyond);
  await until(async () => {
    const pages = await Promise.all(ids.map((id) => cluster!.metrics(id)));
    return pages.every((page) => page.value('queued_messages') === bound);
  });
  const pages = await Promise.all(ids.map((id) => cluster!.metrics(id)));
  const dropped = pages.map((page) => page.value('dropped_messages_total', 'reason="queue_full"'));
  expect(dropped).toEqual([0, beyond, 0]);
});
