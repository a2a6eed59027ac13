import { until } from '@mqtt-cluster/testing';
import type { LinkManager } from '../src/index.ts';
import { FakeBroker } from './support/fake-broker.ts';
import { FakeMember } from './support/fake-member.ts';
import { managerOf } from './support/links-of.ts';
import { RecordedMetrics } from './support/recorded-metrics.ts';

let member: FakeMember;
let broker: FakeBroker;
let manager: LinkManager;
let metrics: RecordedMetrics;
let definition: object;

beforeEach(async () => {
  member = new FakeMember();
  broker = new FakeBroker();
  metrics = new RecordedMetrics();
  definition = { addresses: [await broker.start()], rules: [{ direction: 'out', filter: 'a/#' }] };
  manager = managerOf(member, { metrics });
});

afterEach(async () => {
  await manager.stop();
  broker.stop();
});

const value = (series: string): number | undefined => {
  manager.report();
  return metrics.series.get(series);
};
const queueDrops = (): number | undefined => value('mqtt_cluster_link_dropped_total plant queue');

test('a member that does not run a link reports what waits in its queue', async () => {
  member.definitions.set('plant', definition);
  member.known.set('$link/plant', { owner: '$link/plant', home: 'm2', queuedMessages: 12 });
  await manager.start();
  expect(value('mqtt_cluster_link_lag_messages plant')).toBe(12);
  expect(value('mqtt_cluster_link_running plant')).toBe(0);
});

test('the leader counts the drops of a paused link, and other members report 0', async () => {
  member.definitions.set('plant', { ...definition, paused: true });
  member.known.set('$link/plant', { owner: '$link/plant', home: null, dropped: 3 });
  await manager.start();
  expect(queueDrops()).toBe(0);
  member.known.set('$link/plant', { owner: '$link/plant', home: null, dropped: 5 });
  const { reads } = member;
  await until(() => member.reads > reads + 1);
  expect(queueDrops()).toBe(0);
  member.role = 'leader';
  member.known.set('$link/plant', { owner: '$link/plant', home: null, dropped: 9 });
  await until(() => queueDrops() === 4);
  expect((await manager.reports())[0]!.dropped.queue).toBe(4);
});

test('a removed link has no series, and a new one of its name begins at 0', async () => {
  member.definitions.set('plant', definition);
  await manager.start();
  await until(async () => (await manager.reports())[0]!.phase === 'connected');
  member.deliver('$link/plant', 0);
  await until(() => value('mqtt_cluster_link_sent_total plant 0') === 1);
  member.definitions.clear();
  manager.report();
  expect([...metrics.series.keys()]).toEqual([]);
  await until(() => broker.connections === 0);
  member.definitions.set('plant', definition);
  await until(async () => (await manager.reports())[0]?.phase === 'connected');
  expect(value('mqtt_cluster_link_sent_total plant 0')).toBe(0);
});
