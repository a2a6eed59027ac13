import { handoverSemantics, largeStateSemantics } from '@mqtt-cluster/contracts';
import type { CloseCommand } from '@mqtt-cluster/contracts';
import { decodeMqttState } from '../../src/index.ts';
import { publishCommand, StateDriver } from '../support/state-driver.ts';

const kilobyte = 'x'.repeat(1_000);
const group = '$share/g/shared';

function publish(driver: StateDriver, topic: string, count: number): void {
  const commands = Array.from({ length: count }, (_, number) =>
    publishCommand(topic, `${number} ${kilobyte}`),
  );
  driver.propose('a', ...commands);
}

/** Sets the bound of the cluster to what its queues hold. */
function boundAtCurrent(driver: StateDriver): void {
  const clusterQueueMemoryMax = driver.state.counts().queueMemory;
  driver.propose('a', { kind: 'settings', settings: { clusterQueueMemoryMax, connectedQueueReserve: 1 } });
}

function endOf(driver: StateDriver, client: string): CloseCommand {
  return { kind: 'close', client, epoch: driver.epoch(client), graceful: true };
}

function queuedOf(driver: StateDriver, ...clients: readonly string[]): number {
  return clients.reduce((sum, client) => sum + driver.items(client).length, 0);
}

// The driver also compares each entry with a member that has just loaded a snapshot.
describe('messages of a shared subscription that move to another session at the bound of the cluster', () => {
  test('each message is counted once when the session that ends its connection is the one that is displaced', () => {
    const driver = new StateDriver().raiseSemantics(largeStateSemantics);
    driver.connect('a', 'leaving', {}, group);
    publish(driver, 'shared', 10);
    boundAtCurrent(driver);
    driver.connect('a', 'staying', {}, group);
    driver.close('a', 'leaving');
    const { queuedMessages, queueMemory } = driver.state.counts();
    expect(queuedMessages).toBe(queuedOf(driver, 'leaving', 'staying'));
    expect(decodeMqttState(driver.state.encode()).counts()).toEqual(driver.state.counts());
    expect(queueMemory).toBeGreaterThan(0);
    driver.propose(
      'a',
      driver.progress('staying', { done: driver.items('staying').map((each) => each.number) }),
    );
    expect(driver.state.counts().queuedMessages).toBe(queuedOf(driver, 'leaving'));
  });

  test('an expired session can be displaced until its messages have moved, also on a member that has just loaded a snapshot', () => {
    const driver = new StateDriver().raiseSemantics(largeStateSemantics);
    driver.connect('a', 'member', {}, group);
    driver.close('a', 'member');
    driver.connect('a', 'expiring', { expirySeconds: 10 }, group);
    publish(driver, 'shared', 20);
    driver.connect('a', 'other', {}, 'other');
    publish(driver, 'other', 10);
    driver.close('a', 'other');
    boundAtCurrent(driver);
    publish(driver, 'other', 1);
    expect(driver.effectsOfKind('dropped')).toMatchObject([{ reason: 'queueShare' }]);
    driver.close('a', 'expiring');
    driver.advanceTime(11_000);
    expect(driver.state.session('expiring')).toBeUndefined();
    expect(driver.state.counts().queuedMessages).toBe(queuedOf(driver, 'member', 'other'));
  });

  /** The session `leaving` has all messages of the group, the cluster has no room, and `staying` joins the group. */
  function leavingAtBound(semantics: number, count: number): StateDriver {
    const driver = new StateDriver().raiseSemantics(semantics);
    driver.connect('a', 'leaving', {}, group);
    publish(driver, 'shared', count);
    driver.connect('a', 'staying', {}, group);
    boundAtCurrent(driver);
    return driver;
  }

  test.each([1, 10])('%d messages that move displace no message, and none is counted as dropped', (count) => {
    const driver = leavingAtBound(handoverSemantics, count);
    const before = driver.queued('leaving');
    driver.close('a', 'leaving');
    expect(driver.effectsOfKind('dropped')).toEqual([]);
    expect(driver.queued('staying')).toEqual(before);
    expect(driver.queued('leaving')).toEqual([]);
  });

  test('a message that moves displaces itself, as with older programs, before the semantics version is in force', () => {
    const driver = leavingAtBound(handoverSemantics - 1, 1);
    driver.close('a', 'leaving');
    expect(driver.queued('staying')).toHaveLength(1);
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'queueShare', count: 1 }]);
  });

  test('messages that no session takes are counted as dropped once when their session ends', () => {
    const driver = new StateDriver().raiseSemantics(handoverSemantics);
    // The messages of the group move after those that no session takes.
    driver.connect('a', 'ending', {}, '$share/h/moves', group);
    publish(driver, 'shared', 4);
    publish(driver, 'moves', 6);
    driver.connect('a', 'staying', {}, '$share/h/moves');
    boundAtCurrent(driver);
    driver.applyOne('a', { ...endOf(driver, 'ending'), expirySeconds: 0 });
    expect(driver.queued('staying')).toHaveLength(6);
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'expired', count: 4 }]);
  });

  test('a message that a move has displaced is not counted again when its session ends', () => {
    const driver = new StateDriver().raiseSemantics(handoverSemantics - 1);
    driver.connect('a', 'ending', {}, '$share/h/moves', group);
    publish(driver, 'shared', 4);
    publish(driver, 'moves', 6);
    driver.connect('a', 'staying', {}, '$share/h/moves');
    boundAtCurrent(driver);
    driver.applyOne('a', { ...endOf(driver, 'ending'), expirySeconds: 0 });
    const counted = driver.effectsOfKind('dropped').reduce((sum, { count }) => sum + count, 0);
    expect(driver.effectsOfKind('dropped').map(({ reason }) => reason)).toContain('queueShare');
    expect(counted).toBe(10 - queuedOf(driver, 'staying'));
  });
});
