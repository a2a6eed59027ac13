import type { RefusedFilters } from '@mqtt-cluster/contracts';
import { TestCluster } from './cluster.ts';

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster(['a']);
  cluster.run(3_000);
});

function connect(connection: number, client: string, clean: boolean): void {
  const request = { client, clean, sessionExpirySeconds: clean ? 0 : 3_600, receiveMaximum: 10 };
  cluster.member('a').input(connection, { kind: 'connect', request });
  cluster.run(200);
}

function subscribe(connection: number, filters: readonly string[], refuses?: RefusedFilters) {
  const subscriptions = filters.map((filter) => ({ filter, qos: 1 as const }));
  cluster.member('a').input(connection, {
    ...{ kind: 'subscribe', packetId: 1, subscriptions },
    ...(refuses && { refuses }),
  });
  cluster.run(200);
  const suback = cluster.effects
    .get('a')!
    .findLast((effect) => effect.kind === 'suback' && effect.connection === connection);
  return suback?.kind === 'suback' ? suback.codes : [];
}

test('without memory for a snapshot a persistent session gets no new filter, and keeps those that it has', () => {
  connect(1, 'c', false);
  expect(subscribe(1, ['old', '$share/g/old'])).toEqual([1, 1]);
  expect(subscribe(1, ['old', '$share/g/old', 'new', '$share/g/new'], 'replicated')).toEqual([
    1, 1, 0x97, 0x97,
  ]);
  cluster.member('a').input(1, { kind: 'disconnect', graceful: true });
  cluster.run(200);
  connect(2, 'c', false);
  expect(subscribe(2, ['old', '$share/g/old', 'new'], 'all')).toEqual([1, 1, 0x97]);
  expect(subscribe(2, ['new'])).toEqual([1]);
});

test('without memory for a snapshot a clean session still subscribes, but not to a shared filter', () => {
  connect(1, 'c', true);
  expect(subscribe(1, ['a', '$share/g/a'], 'replicated')).toEqual([1, 0x97]);
  expect(subscribe(1, ['a', 'b'], 'all')).toEqual([1, 0x97]);
});
