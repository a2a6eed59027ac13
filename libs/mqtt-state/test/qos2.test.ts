import type { ProgressCommand } from '@mqtt-cluster/contracts';
import { publishCommand, StateDriver } from './support/state-driver.ts';

function packetIds(driver: StateDriver, client = 'c'): number[] {
  return driver.items(client).map((item) => item.packetId);
}

describe('the state of a QoS 2 publisher', () => {
  test('reports a repeated packet id after a failover as `repeat`, without publishing the message again', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 't');
    const first = { client: 'p', epoch: driver.connect('a', 'p'), packetId: 5 };
    expect(driver.applyOne('a', publishCommand('t', 'x', 2, first))).toEqual({
      kind: 'published',
      outcome: 'applied',
    });
    const again = { client: 'p', epoch: driver.connect('b', 'p'), packetId: 5 };
    expect(driver.applyOne('b', publishCommand('t', 'x', 2, again))).toEqual({
      kind: 'published',
      outcome: 'repeat',
    });
    expect(driver.published()).toEqual([]);
    // The former home proposes its copy late, with an epoch that is no longer current.
    expect(driver.applyOne('a', publishCommand('t', 'x', 2, first))).toEqual({ kind: 'void' });
    expect(driver.queued('s')).toEqual(['x']);
  });

  test('accepts a new message with the packet id of an earlier message only after PUBREL', () => {
    const driver = new StateDriver();
    driver.connect('a', 's', {}, 't');
    const connection = { client: 'p', epoch: driver.connect('a', 'p') };
    driver.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 9 }));
    expect(driver.state.session('p')?.hasIncoming(9)).toBe(true);
    driver.propose('a', { kind: 'release', ...connection, packetId: 9 });
    expect(driver.state.session('p')?.hasIncoming(9)).toBe(false);
    expect(driver.applyOne('a', { kind: 'release', ...connection, packetId: 9 })).toEqual({ kind: 'done' });
    driver.propose('a', publishCommand('t', 'two', 2, { ...connection, packetId: 9 }));
    expect(driver.queued('s')).toEqual(['one', 'two']);
  });

  test('contains no stored packet ids after a clean start [3.1.1 MQTT-3.1.2-6] [5.0 MQTT-3.1.2-4]', () => {
    const driver = new StateDriver();
    const connection = { client: 'p', epoch: driver.connect('a', 'p'), packetId: 9 };
    driver.propose('a', publishCommand('t', 'one', 2, connection));
    const epoch = driver.connect('a', 'p', { clean: true });
    expect(driver.applyOne('a', publishCommand('t', 'two', 2, { ...connection, epoch }))).toMatchObject({
      outcome: 'applied',
    });
  });

  test('rejects a message beyond the bound on unreleased packet ids', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { incomingMax: 1 } });
    const connection = { client: 'p', epoch: driver.connect('a', 'p') };
    driver.propose('a', publishCommand('t', 'one', 2, { ...connection, packetId: 1 }));
    const second = publishCommand('t', 'two', 2, { ...connection, packetId: 2 });
    expect(driver.applyOne('a', second)).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    expect(driver.published()).toEqual([]);
  });
});

describe('the queue of a QoS 2 subscriber', () => {
  function withWindow(receiveMaximum: number, messages: number): StateDriver {
    const driver = new StateDriver();
    driver.connect('a', 'c', { receiveMaximum }, 't');
    for (let number = 1; number <= messages; number++)
      driver.propose('b', publishCommand('t', `${number}`, 2));
    return driver;
  }

  test('assigns packet ids from 32768 on, in order, while the window has room', () => {
    const driver = withWindow(2, 3);
    expect(packetIds(driver)).toEqual([32_768, 32_769, 0]);
    driver.propose('a', driver.progress('c', { received: [32_769] }));
    expect(driver.effectsOfKind('outgoingReceived')).toEqual([
      { kind: 'outgoingReceived', client: 'c', packetIds: [32_769] },
    ]);
    expect(driver.items('c').map((item) => item.received)).toEqual([false, true, false]);
    driver.propose('a', driver.progress('c', { completed: [32_769] }));
    expect(driver.effects.map(({ kind }) => kind)).toEqual(['outgoingCompleted', 'queued', 'batchApplied']);
    expect(packetIds(driver)).toEqual([32_768, 32_770]);
  });

  test('has at most 100 exchanges in progress, also for a larger Receive Maximum', () => {
    const driver = withWindow(65_535, 103);
    expect(packetIds(driver).filter((packetId) => packetId !== 0)).toHaveLength(100);
  });

  test('keeps the packet ids of its messages after a reconnect, and assigns another packet id to a new message', () => {
    const driver = withWindow(10, 2);
    driver.propose('a', driver.progress('c', { received: [32_768] }));
    driver.connect('b', 'c', { receiveMaximum: 10 });
    driver.propose('b', publishCommand('t', '3', 2));
    expect(packetIds(driver)).toEqual([32_768, 32_769, 32_770]);
    expect(driver.items('c').map((item) => item.received)).toEqual([true, false, false]);
  });

  test('does not reuse a freed packet id at once', () => {
    const driver = withWindow(1, 2);
    driver.propose('a', driver.progress('c', { completed: [32_768] }));
    expect(packetIds(driver)).toEqual([32_769]);
  });

  test('ignores the part of a `progress` command with an old epoch, but applies the parts of the other sessions', () => {
    const driver = withWindow(2, 1);
    const old = { client: 'c', epoch: driver.epoch('c'), completed: [32_768] };
    driver.connect('b', 'c');
    const d = driver.connect('a', 'd', {}, 't');
    driver.propose('b', publishCommand('t', '2', 1));
    const command: ProgressCommand = {
      kind: 'progress',
      sessions: [old, { client: 'd', epoch: d, done: [1] }],
    };
    expect(driver.applyOne('a', command)).toEqual({ kind: 'done' });
    expect(driver.queued('c')).toEqual(['1', '2']);
    expect(driver.queued('d')).toEqual([]);
  });

  test('removes an undeliverable message that a `progress` command lists as done, but keeps a message whose PUBREC is applied', () => {
    const driver = withWindow(2, 2);
    driver.propose('a', driver.progress('c', { received: [32_768] }));
    driver.propose('a', driver.progress('c', { done: [1, 2, 77] }));
    expect(packetIds(driver)).toEqual([32_768]);
  });
});
