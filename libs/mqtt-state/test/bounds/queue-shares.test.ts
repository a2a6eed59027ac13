import { accessSemantics, largeStateSemantics } from '@mqtt-cluster/contracts';
import type { PublishCommand, SettingsChange } from '@mqtt-cluster/contracts';
import { publishCommand, StateDriver } from '../support/state-driver.ts';

const kilobyte = 'x'.repeat(1_000);

/** Publishes in batches, because each applied batch is compared with that of a decoded state. */
function publishAll(driver: StateDriver, count: number, command: (number: number) => PublishCommand): void {
  driver.propose('a', ...Array.from({ length: count }, (_, number) => command(number)));
}

function driverWith(settings: SettingsChange, semantics = largeStateSemantics): StateDriver {
  const driver = new StateDriver().raiseSemantics(semantics);
  driver.propose('a', { kind: 'settings', settings });
  return driver;
}

/** Fills the cluster's queues with the messages of one absent session. */
function fill(driver: StateDriver, client = 'greedy', count = 100): void {
  driver.connect('a', client, {}, client);
  driver.close('a', client);
  publishAll(driver, count, (number) => publishCommand(client, `${number} ${kilobyte}`));
}

function outcome(driver: StateDriver, topic: string, payload = kilobyte): string {
  const result = driver.applyOne('a', publishCommand(topic, payload));
  return result.kind === 'published' ? result.outcome : result.kind;
}

describe('fair shares of the queues of the cluster', () => {
  test('an absent client that fills the queues loses its own oldest messages, and its publishers are not refused', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 50_000 });
    fill(driver);
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'queueShare' }]);
    expect(
      driver.results.every((result) => result.kind === 'published' && result.outcome === 'applied'),
    ).toBe(true);
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(50_000);
    expect(driver.queued('greedy').at(-1)).toMatch(/^99 /);
    expect(driver.queued('greedy').length).toBeGreaterThan(20);
  });

  test('a modest absent session loses nothing while others hold more, and the largest queue loses first', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 100_000 });
    for (const client of ['greedy-1', 'greedy-2', 'greedy-3']) fill(driver, client);
    driver.connect('a', 'modest', {}, 'modest');
    driver.close('a', 'modest');
    for (let number = 0; number < 15; number++) {
      driver.propose('a', publishCommand('modest', `${number} ${kilobyte}`));
      expect(driver.queued('modest')).toHaveLength(number + 1);
    }
    const counts = ['1', '2', '3'].map((number) => driver.queued(`greedy-${number}`).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(100_000);
  });

  test('the messages of a connected subscriber are not refused because absent sessions have filled the queues', () => {
    for (const queueFull of ['drop-oldest', 'refuse'] as const) {
      const driver = driverWith({ clusterQueueMemoryMax: 50_000, clusterQueuedBytesMax: 40_000, queueFull });
      for (const client of ['1', '2', '3', '4']) fill(driver, client, 30);
      driver.connect('a', 'modest', {}, 'modest');
      for (let number = 1; number <= 12; number++) {
        expect(outcome(driver, 'modest')).toBe('applied');
        expect(driver.effectsOfKind('dropped')).toEqual([]);
        if (number % 4 === 0) driver.propose('a', driver.progress('modest', { done: [number - 1, number] }));
      }
      expect(driver.queued('modest')).toHaveLength(6);
    }
  });

  test('a connected subscriber that does not acknowledge loses its own messages when another one needs the reserve', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 10_000, connectedQueueReserve: 50_000 });
    driver.connect('a', 'stalled', {}, 'stalled');
    publishAll(driver, 60, () => publishCommand('stalled', kilobyte));
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'queueShare' }]);
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(60_000);
    driver.connect('a', 'modest', {}, 'modest');
    for (let number = 1; number < 5; number++)
      expect(outcome(driver, 'modest', 'x'.repeat(4_000))).toBe('applied');
    expect(driver.queued('modest')).toHaveLength(4);
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(60_000);
  });

  test.each([1, 4])(
    'an absent session displaces messages of %d connected subscribers that acknowledge nothing',
    (count) => {
      const queuedWith = (semantics: number): readonly string[] => {
        const settings = { clusterQueueMemoryMax: 50_000, connectedQueueReserve: 20_000 };
        const driver = driverWith(settings, semantics);
        for (let number = 0; number < count; number++) {
          driver.connect('a', `stalled-${number}`, {}, `stalled-${number}`);
          publishAll(driver, 100 / count, () => publishCommand(`stalled-${number}`, kilobyte));
        }
        driver.connect('a', 'modest', {}, 'modest');
        driver.close('a', 'modest');
        publishAll(driver, 5, (number) => publishCommand('modest', `${number} ${kilobyte}`));
        return driver.queued('modest');
      };
      expect(queuedWith(largeStateSemantics)).toHaveLength(5);
      expect(queuedWith(accessSemantics)).toHaveLength(0);
    },
  );

  test('the order in which sessions subscribed does not decide which messages are displaced', () => {
    const fillAndPublish = (...order: readonly string[]): readonly string[][] => {
      const driver = driverWith({ clusterQueueMemoryMax: 50_000, connectedQueueReserve: 40_000 });
      fill(driver);
      for (const client of ['absent', 'connected']) driver.connect('a', client);
      for (const client of order) driver.subscribe('a', client, 'both');
      driver.close('a', 'absent');
      for (let number = 0; number < 3; number++)
        driver.propose('a', publishCommand('both', `${number} ${kilobyte.repeat(4)}`));
      return ['greedy', 'absent', 'connected'].map((client) => driver.queued(client));
    };
    expect(fillAndPublish('connected', 'absent')).toEqual(fillAndPublish('absent', 'connected'));
  });

  test('an absent session takes no room from a connected subscriber whose queue is within its share of the reserve', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 50_000, connectedQueueReserve: 40_000 });
    driver.connect('a', 'slow', {}, 'slow');
    publishAll(driver, 20, () => publishCommand('slow', kilobyte));
    fill(driver, 'greedy', 60);
    const greedy = driver.queued('greedy').length;
    expect(greedy).toBeLessThan(20);
    driver.connect('a', 'modest', {}, 'modest');
    driver.close('a', 'modest');
    driver.propose('a', publishCommand('modest', kilobyte));
    expect(driver.queued('slow')).toHaveLength(20);
    expect(driver.queued('modest')).toHaveLength(1);
    expect(driver.queued('greedy').length).toBeLessThan(greedy);
  });

  test('an absent session takes room from absent sessions while all messages of the largest queue are QoS 2 exchanges in progress', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 50_000, connectedQueueReserve: 5_000 });
    driver.connect('a', 'busy', { receiveMaximum: 100 }, 'busy');
    const epoch = driver.state.session('busy')!.epoch;
    const subscriptions = [{ filter: 'busy', qos: 2 as const }];
    driver.propose('a', { kind: 'subscribe', client: 'busy', epoch, subscriptions });
    publishAll(driver, 20, () => publishCommand('busy', kilobyte, 2));
    fill(driver, 'greedy', 60);
    const greedy = driver.queued('greedy').length;
    driver.connect('a', 'modest', {}, 'modest');
    driver.close('a', 'modest');
    driver.propose('a', publishCommand('modest', kilobyte));
    expect(driver.queued('modest')).toHaveLength(1);
    expect(driver.queued('greedy').length).toBeLessThan(greedy);
  });

  test('a publish to a session above its share is refused if `queueFull` is `refuse`, other sessions receive theirs', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 50_000, queueFull: 'refuse' });
    fill(driver);
    expect(outcome(driver, 'greedy')).toBe('quotaExceeded');
    driver.connect('a', 'modest', {}, 'modest');
    driver.close('a', 'modest');
    expect(outcome(driver, 'modest')).toBe('applied');
    expect(driver.queued('greedy')[0]).toMatch(/^0 /);
  });

  test('user properties and the overhead of small messages count', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 100_000 });
    driver.connect('a', 'c', {}, 't');
    driver.close('a', 'c');
    const userProperties = [['name', 'v'.repeat(10_000)]] as const;
    publishAll(driver, 20, () => publishCommand('t', '', 1, { properties: { userProperties } }));
    expect(driver.queued('c')).toHaveLength(9);
    driver.propose('a', { kind: 'settings', settings: { queuedMessagesMax: 1_000 } });
    publishAll(driver, 500, () => publishCommand('t', ''));
    expect(driver.queued('c').length).toBeLessThan(190);
  });

  test('messages that several sessions queue count once, and a session above its share never exceeds the bound with others', () => {
    const driver = driverWith({ clusterQueueMemoryMax: 50_000 });
    for (const client of ['c', 'd', 'e']) {
      driver.connect('a', client, {}, 'all', client);
      driver.close('a', client);
    }
    publishAll(driver, 40, () => publishCommand('all', kilobyte));
    for (const client of ['c', 'd', 'e']) publishAll(driver, 40, () => publishCommand(client, kilobyte));
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(50_000);
  });

  test('one client cannot queue more than the bound of one user', () => {
    const driver = driverWith({ userQueueMemoryMax: 20_000 });
    fill(driver);
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'queueShare' }]);
    expect(driver.state.counts().queueMemory).toBeLessThanOrEqual(20_000);
    expect(driver.queued('greedy').at(-1)).toMatch(/^99 /);
  });

  test('older semantics versions refuse every publish at the bound of the cluster', () => {
    const driver = new StateDriver().raiseSemantics(accessSemantics - 1);
    driver.propose('a', { kind: 'settings', settings: { clusterQueuedBytesMax: 20_000 } });
    fill(driver, 'greedy', 30);
    driver.connect('a', 'modest', {}, 'modest');
    expect(outcome(driver, 'modest')).toBe('quotaExceeded');
  });
});
