import { publishCommand, StateDriver } from './support/state-driver.ts';

describe('a bounded session queue', () => {
  test('drops the oldest message that is not a QoS 2 exchange in progress if `queueFull` is `drop-oldest`', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 3, connectedQueuedMessagesMax: 3 },
    });
    driver.connect('a', 'c', { receiveMaximum: 1 }, 't');
    for (const number of ['1', '2', '3', '4']) driver.propose('a', publishCommand('t', number, 2));
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'queueFull', count: 1 }]);
    expect(driver.queued('c')).toEqual(['1', '3', '4']);
    expect(driver.state.counts().queuedMessages).toBe(3);
  });

  test('counts the dropped messages of each session', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { connectedQueuedMessagesMax: 2, queuedMessagesMax: 2 },
    });
    driver.connect('a', 'c', {}, 't/+');
    driver.connect('a', 'd', {}, 't/1');
    for (const topic of ['t/1', 't/2', 't/2', 't/1']) driver.propose('a', publishCommand(topic, 'x', 1));
    const dropped = ['c', 'd'].map((client) => driver.state.session(client)?.dropped);
    expect(dropped).toEqual([2, 0]);
  });

  test('does not count the messages queued at the disconnect against the bound of a disconnected session', () => {
    const driver = new StateDriver();
    driver.propose('a', {
      kind: 'settings',
      settings: { queuedMessagesMax: 2, connectedQueuedMessagesMax: 4 },
    });
    const epoch = driver.connect('a', 'c', {}, 't');
    for (const number of ['1', '2', '3', '4']) driver.propose('a', publishCommand('t', number, 1));
    driver.propose('a', { kind: 'close', client: 'c', epoch, graceful: true });
    for (const number of ['5', '6']) driver.propose('a', publishCommand('t', number, 1));
    expect(driver.queued('c')).toEqual(['1', '2', '3', '4', '5', '6']);
    driver.propose('a', publishCommand('t', '7', 1));
    expect(driver.queued('c')).toEqual(['2', '3', '4', '5', '6', '7']);
  });

  test('drops a message that alone is larger than the bound, and keeps all other messages', () => {
    const driver = new StateDriver();
    driver.propose('a', { kind: 'settings', settings: { queuedBytesMax: 10, connectedQueuedBytesMax: 10 } });
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'small'), publishCommand('t', 'much too large'));
    expect(driver.queued('c')).toEqual(['small']);
    driver.propose('a', publishCommand('t', 'newer'));
    expect(driver.queued('c')).toEqual(['newer']);
  });

  test('rejects a message and changes no queue if one matching queue is full and `queueFull` is `refuse`', () => {
    const driver = new StateDriver();
    const one = { queuedMessagesMax: 1, connectedQueuedMessagesMax: 1 };
    driver.propose('a', { kind: 'settings', settings: { ...one, queueFull: 'refuse' } });
    driver.connect('a', 'c', {}, 't');
    driver.connect('a', 'd', {}, 't');
    driver.propose('a', driver.progress('d', {}), publishCommand('t', '1', 1, { retain: true }));
    driver.propose('a', driver.progress('d', { done: [1] }));
    expect(driver.applyOne('a', publishCommand('t', '2', 1, { retain: true }))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.published()).toEqual([]);
    expect([driver.queued('c'), driver.queued('d'), driver.retained('t')]).toEqual([['1'], [], ['t=1']]);
  });

  test('counts a message that several sessions queue only once against the bound of the cluster', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.connect('a', 'd', {}, 't');
    driver.propose('a', publishCommand('t', '123456789'));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 2, queuedBytes: 10 });
    driver.propose('a', { kind: 'settings', settings: { clusterQueuedBytesMax: 19 } });
    expect(driver.applyOne('a', publishCommand('t', '123456789'))).toMatchObject({
      outcome: 'quotaExceeded',
    });
    expect(driver.applyOne('a', publishCommand('nobody', '123456789'))).toMatchObject({ outcome: 'applied' });
    driver.propose('a', driver.progress('c', { done: [1] }));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 1, queuedBytes: 10 });
    driver.propose('a', driver.progress('d', { done: [1] }));
    expect(driver.state.counts()).toMatchObject({ queuedMessages: 0, queuedBytes: 0 });
  });

  test('does not grow in memory while its first message stays unacknowledged', () => {
    const driver = new StateDriver();
    driver.connect('a', 'c', {}, 't');
    driver.propose('a', publishCommand('t', 'first'));
    for (let number = 2; number < 500; number++) {
      driver.propose('a', publishCommand('t', `${number}`), driver.progress('c', { done: [number] }));
    }
    expect(driver.queued('c')).toEqual(['first']);
    expect(driver.state.session('c')?.queuedBytes).toBe(6);
    driver.propose('a', publishCommand('t', 'last'));
    expect([...(driver.state.session('c')?.queueFrom(2) ?? [])].map((item) => item.number)).toEqual([500]);
  });
});
