import type { Command, StatePage } from '@mqtt-cluster/contracts';
import { createMqttState, encodeBatch } from '@mqtt-cluster/mqtt-state';
import fc from 'fast-check';
import type { MemberContext } from '../src/context.ts';
import { Connections } from '../src/home/connections/connections.ts';
import { LocalQueues } from '../src/home/delivery/local-queues.ts';
import { Router } from '../src/home/router.ts';
import { defaultLimits } from '../src/index.ts';
import { MemberStateView } from '../src/view/state-view.ts';

/** A view of a state to which a test applies commands directly. */
class ViewDriver {
  readonly state = createMqttState();
  readonly view: MemberStateView;
  #sequence = 0;

  constructor() {
    const context = { state: this.state, options: { id: 'a' }, clock: { nowMs: 0 } };
    const given = context as unknown as MemberContext;
    const router = new Router();
    const connections = new Connections(given, router, new LocalQueues(defaultLimits));
    this.view = new MemberStateView(given, { connections, router });
    this.apply({ kind: 'start', semantics: 1, outboxIncarnations: [] });
  }

  apply(...commands: Command[]): void {
    const header = { member: 'a', storeId: 's', incarnation: 1, sequence: ++this.#sequence };
    this.state.apply(this.state.index + 1, 1, encodeBatch({ ...header, commands }));
  }

  open(client: string): void {
    this.apply({ kind: 'open', client, clean: true, expirySeconds: 3_600, receiveMaximum: 1 });
  }

  end(client: string): void {
    const epoch = this.state.session(client)?.epoch;
    if (epoch !== undefined) this.apply({ kind: 'close', client, epoch, graceful: true, expirySeconds: 0 });
  }

  subscribe(client: string, ...filters: string[]): void {
    const subscriptions = filters.map((filter) => ({ filter, qos: 1 as const }));
    const epoch = this.state.session(client)!.epoch;
    this.apply({ kind: 'subscribe', client, epoch, subscriptions });
  }

  retain(topic: string, payload: string): void {
    const message = { topic, payload: new TextEncoder().encode(payload), qos: 1, retain: true } as const;
    this.apply({ kind: 'publish', message });
  }
}

interface List<Cursor> {
  /** Adds or removes an item. */
  change(driver: ViewDriver, name: string, add: boolean): void;
  page(driver: ViewDriver, cursor: Cursor | null, limit: number): StatePage<unknown, Cursor>;
  nameOf(item: never): string;
}

/** Reads all pages, and changes the list between them. */
function readAll<Cursor>(
  list: List<Cursor>,
  driver: ViewDriver,
  limit: number,
  changes: readonly (readonly (readonly [string, boolean])[])[],
): string[] {
  const names: string[] = [];
  let cursor: Cursor | null = null;
  for (let round = 0; ; round++) {
    const page: StatePage<unknown, Cursor> = list.page(driver, cursor, limit);
    expect(page.items.length).toBeLessThanOrEqual(limit);
    names.push(...page.items.map((item) => list.nameOf(item as never)));
    if (page.next === null) return names;
    cursor = page.next;
    for (const [name, add] of changes[round] ?? []) list.change(driver, name, add);
  }
}

const setSession = (driver: ViewDriver, name: string, add: boolean): void =>
  add ? driver.open(name) : driver.end(name);

function setSubscriber(driver: ViewDriver, name: string, add: boolean, ...filters: string[]): void {
  if (!add) return driver.end(name);
  driver.open(name);
  driver.subscribe(name, ...filters);
}

const lists: Record<string, List<never>> = {
  sessions: {
    change: setSession,
    page: (driver, cursor, limit) => driver.view.sessionsAfter(cursor, limit) as StatePage<unknown, never>,
    nameOf: ({ client }: { client: string }) => client,
  },
  'subscribers of a topic': {
    change: (driver, name, add) => setSubscriber(driver, name, add, 't/+', '$share/group/#', 't/1', 'u'),
    page: (driver, cursor, limit) =>
      driver.view.subscribersOf('t/1', cursor, limit) as StatePage<unknown, never>,
    nameOf: ({ client, subscription }: { client: string; subscription: { filter: string } }) =>
      `${client} ${subscription.filter}`,
  },
  'subscriptions of a filter': {
    change: (driver, name, add) => setSubscriber(driver, name, add, 't/+', 't/1'),
    page: (driver, cursor, limit) =>
      driver.view.subscriptionsOf('t/+', cursor, limit) as StatePage<unknown, never>,
    nameOf: ({ client, subscription }: { client: string; subscription: { filter: string } }) =>
      `${client} ${subscription.filter}`,
  },
  'all subscriptions': {
    change: (driver, name, add) => setSubscriber(driver, name, add, 't/+', '$share/group/#', 't/1', 'u'),
    page: (driver, cursor, limit) =>
      driver.view.subscriptionsAfter(cursor, limit, 5) as StatePage<unknown, never>,
    nameOf: ({ client, subscription }: { client: string; subscription: { filter: string } }) =>
      `${client} ${subscription.filter}`,
  },
  'retained messages': {
    change: (driver, name, add) => driver.retain(`r/${name}`, add ? 'x' : ''),
    page: (driver, cursor, limit) =>
      driver.view.retainedAfter('r/#', cursor, limit, 7) as StatePage<unknown, never>,
    nameOf: ({ message }: { message: { topic: string } }) => message.topic,
  },
};

const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), minLength: 1, maxLength: 5 });

test.each(Object.entries(lists))(
  'pages of %s contain each item that stays exactly once, while other items come and go',
  (_name, list) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 30 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.array(fc.tuple(name, fc.boolean()), { maxLength: 6 }), { maxLength: 12 }),
        (stable, limit, changes) => {
          const driver = new ViewDriver();
          for (const item of stable) list.change(driver, item, true);
          const expected = readAll(list, driver, 1_000, []);
          const others = changes.map((round) => round.filter(([item]) => !stable.includes(item)));
          const names = readAll(list, driver, limit, others);
          expect(new Set(names).size).toBe(names.length);
          expect(names).toEqual(expect.arrayContaining(expected));
        },
      ),
      { numRuns: 60 },
    );
  },
);

test('a page of all subscriptions ends at its budget, also when it contains no subscription', () => {
  const driver = new ViewDriver();
  for (let number = 10; number < 40; number++) driver.open(`c${number}`);
  driver.subscribe('c35', 'x', 'a');
  const first = driver.view.subscriptionsAfter(null, 10, 20);
  expect(first).toEqual({ items: [], next: { client: 'c30', filter: '' } });
  const second = driver.view.subscriptionsAfter(first.next, 1, 20);
  expect(second.items.map(({ client, subscription }) => [client, subscription.filter])).toEqual([
    ['c35', 'a'],
  ]);
  const third = driver.view.subscriptionsAfter(second.next, 10, 20);
  expect(third.items.map(({ subscription }) => subscription.filter)).toEqual(['x']);
  expect(third.next).toBeNull();
});

test('each page without changes continues where the page before it ended', () => {
  const driver = new ViewDriver();
  const clients = ['é', 'b/c', 'B', 'a', 'b', 'ab'];
  for (const client of clients) driver.open(client);
  const first = driver.view.sessionsAfter(null, 4);
  expect(first.items.map(({ client }) => client)).toEqual(['B', 'a', 'ab', 'b']);
  expect(first.next).toBe('b');
  const second = driver.view.sessionsAfter(first.next, 2);
  expect(second.items.map(({ client }) => client)).toEqual(['b/c', 'é']);
  expect(second.next).toBeNull();
});

test('a list of sessions follows the sessions that open and end after the first listing', () => {
  const driver = new ViewDriver();
  const clients = (): string[] => driver.view.sessionsAfter(null, 1_000).items.map(({ client }) => client);
  const opened = Array.from({ length: 600 }, (_, number) => `c${(number * 7) % 600}`);
  for (const client of opened.slice(0, 300)) driver.open(client);
  expect(clients()).toEqual(opened.slice(0, 300).sort());
  for (const client of opened.slice(300)) driver.open(client);
  for (const client of opened.slice(0, 100)) driver.end(client);
  for (const client of opened.slice(500)) driver.open(client);
  expect(clients()).toEqual(opened.slice(100).sort());
});

test('a page of retained messages continues after a topic that was deleted meanwhile', () => {
  const driver = new ViewDriver();
  for (const topic of ['r/a', 'r/a/b', 'r/b']) driver.retain(topic, 'x');
  const { next } = driver.view.retainedAfter('r/#', null, 2, 1_000);
  expect(next).toBe('r/a/b');
  driver.retain('r/a/b', '');
  driver.retain('r/a', '');
  const page = driver.view.retainedAfter('r/#', next, 2, 1_000);
  expect(page.items.map(({ message }) => message.topic)).toEqual(['r/b']);
  expect(page.next).toBeNull();
});

test('a page of retained messages ends at its budget and names the topic at which the next page continues', () => {
  const driver = new ViewDriver();
  for (let number = 0; number < 100; number++) driver.retain(`r/${number}/deep`, 'x');
  const page = driver.view.retainedAfter('r/+/other', null, 10, 20);
  expect(page.items).toEqual([]);
  expect(page.next).not.toBeNull();
});
