import { largeStateSemantics } from '@mqtt-cluster/contracts';
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
});
