import { request, TestCluster, text } from './cluster.ts';

let cluster: TestCluster;

beforeEach(() => {
  cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
});

function connect(id: string, connection: number, client: string, expirySeconds = 0): void {
  cluster.member(id).input(connection, { kind: 'connect', request: request(client, expirySeconds) });
  cluster.run(200);
}

function subscribe(id: string, connection: number, filter: string): void {
  const subscriptions = [{ filter, qos: 1 as const }];
  cluster.member(id).input(connection, { kind: 'subscribe', packetId: 1, subscriptions });
  cluster.run(200);
}

function publish(id: string, connection: number, topic: string, packetId: number, retain = false): void {
  const message = { topic, payload: text('m'), qos: 1, retain, packetId } as const;
  cluster.member(id).input(connection, { kind: 'publish', request: message });
  cluster.run(200);
}

const view = (id: string) => cluster.member(id).view();

test('only the home of a clean session shows its subscriptions, its queue and its messages in flight', () => {
  const narrow = { ...request('sub'), receiveMaximum: 1 };
  cluster.member('a').input(1, { kind: 'connect', request: narrow });
  cluster.run(200);
  subscribe('a', 1, 'x/+');
  connect('b', 1, 'pub');
  publish('b', 1, 'x/1', 1);
  publish('b', 1, 'x/2', 2);
  const atHome = { connection: 1, inFlight: 1, dropped: 0 };
  const shown = { client: 'sub', connected: true, home: 'a', clean: true };
  expect(view('a').session('sub')).toMatchObject({
    ...shown,
    subscriptions: 1,
    subscriptionList: [{ filter: 'x/+', qos: 1 }],
    queuedMessages: 1,
    atHome,
  });
  expect(view('b').session('sub')).toMatchObject({
    ...shown,
    subscriptions: 0,
    subscriptionList: [],
    queuedMessages: 0,
    atHome: null,
  });
  const found = { client: 'sub', subscription: { filter: 'x/+' }, shared: false, connected: true, home: 'a' };
  for (const scope of ['all', 'home'] as const) {
    expect(view('a').subscribersOf('x/1', null, 10, scope).items).toMatchObject([found]);
    expect(view('a').subscriptionsOf('x/+', null, 10, scope).items).toMatchObject([found]);
  }
  expect(view('b').subscribersOf('x/1', null, 10).items).toEqual([]);
  expect(
    view('a')
      .sessionsAfter(null, 10)
      .items.map(({ client }) => client),
  ).toEqual(['pub', 'sub']);
  expect(view('c').sessionsAfter('pub', 10).items).toMatchObject([shown]);
});

test('every member shows the subscriptions and the queue of a persistent session, also while its client is away', () => {
  connect('a', 1, 'sub', 3_600);
  subscribe('a', 1, 'x/+');
  subscribe('a', 1, '$share/group/x/#');
  cluster.member('a').input(1, { kind: 'disconnect', graceful: true });
  connect('b', 1, 'pub');
  publish('b', 1, 'x/1', 1);
  for (const id of ['a', 'b', 'c']) {
    expect(view(id).session('sub')).toMatchObject({ connected: false, home: null, queuedMessages: 2 });
    expect(view(id).subscribersOf('x/1', null, 10).items).toMatchObject([
      { client: 'sub', subscription: { filter: '$share/group/x/#' }, shared: true, connected: false },
      { client: 'sub', subscription: { filter: 'x/+' }, shared: false, connected: false },
    ]);
    expect(view(id).subscribersOf('x/1', null, 10, 'home').items).toEqual([]);
    expect(view(id).subscriptionsOf('$share/group/x/#', null, 10).items).toHaveLength(1);
    expect(view(id).subscriptionsOf('x/#', null, 10).items).toEqual([]);
  }
});

test('an isolated member shows a clean session that the cluster has not opened', () => {
  cluster.cut('a');
  cluster.run(3_000);
  connect('a', 1, 'new');
  subscribe('a', 1, 'x');
  expect(view('a').sessionsAfter(null, 10).items).toMatchObject([{ client: 'new', epoch: 0, home: 'a' }]);
  expect(view('a').session('new')).toMatchObject({ subscriptions: 1, atHome: { connection: 1 } });
  expect(view('b').session('new')).toBeUndefined();
});

test('a member shows a retained message by its exact topic until the message is deleted', () => {
  connect('b', 1, 'pub');
  publish('b', 1, 'r/1', 1, true);
  expect(view('a').retained('r/1')).toMatchObject({ message: { topic: 'r/1' }, expiresInSeconds: null });
  expect(view('a').retained('r/+')).toBeUndefined();
  const empty = { topic: 'r/1', payload: text(''), qos: 1, retain: true, packetId: 2 } as const;
  cluster.member('b').input(1, { kind: 'publish', request: empty });
  cluster.run(200);
  expect(view('a').retained('r/1')).toBeUndefined();
});
