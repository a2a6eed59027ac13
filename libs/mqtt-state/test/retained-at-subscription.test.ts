import { retainedQueuedSemantics } from '@mqtt-cluster/contracts';
import type { Command, Subscription } from '@mqtt-cluster/contracts';
import type { CommandResult } from '../src/index.ts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const retain = { retain: true };

/** A state at a semantics version: by default the version that queues retained messages. */
function driverAt(semantics = retainedQueuedSemantics): StateDriver {
  const driver = new StateDriver();
  for (let version = 2; version <= semantics; version++) driver.propose('a', { kind: 'semantics', version });
  return driver;
}

function subscribe(driver: StateDriver, client: string, ...subscriptions: Subscription[]): CommandResult {
  return driver.applyOne('a', { kind: 'subscribe', client, epoch: driver.epoch(client), subscriptions });
}

describe('a retained message that matches a new subscription', () => {
  it('is queued with RETAIN set, in the order of the log [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8] [5.0 MQTT-3.3.1-9]', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t/z', 'first', 1, retain));
    driver.propose(
      'b',
      publishCommand('t/b', 'third', 2, retain),
      publishCommand('t/a', 'second', 2, retain),
    );
    driver.connect('a', 'c');
    const answer = subscribe(driver, 'c', { filter: 't/#', qos: 2, subscriptionIdentifier: 7 });
    expect(answer).toMatchObject({ codes: [2], retainedQueued: [true] });
    expect(driver.queued('c')).toEqual(['first', 'second', 'third']);
    expect(driver.items('c')).toMatchObject([
      { qos: 1, retain: true, subscriptionIdentifiers: [7] },
      { qos: 2, retain: true },
      { qos: 2, retain: true },
    ]);
  });

  it('stays in the session queue of any member after the loss of the home', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', { filter: 't', qos: 1 });
    driver.start('a');
    driver.connect('b', 'c');
    expect(driver.queued('c')).toEqual(['kept']);
  });

  it('causes no `queued` effect, because the home delivers it after SUBACK', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', { filter: 't', qos: 1 });
    expect(driver.effectsOfKind('queued')).toEqual([]);
  });

  it('is not queued at QoS 0, because the home sends it', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t/0', 'zero', 0, retain), publishCommand('t/1', 'one', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', { filter: 't/0', qos: 2 }, { filter: 't/1', qos: 0 });
    expect(driver.queued('c')).toEqual([]);
  });

  it('is queued according to Retain Handling (MQTT 5, 3.8.3.1), but never for a shared subscription', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    driver.connect('a', 'c');
    const asked = (subscription: Partial<Subscription>): number => {
      const before = driver.queued('c').length;
      subscribe(driver, 'c', { filter: 't', qos: 1, ...subscription });
      return driver.queued('c').length - before;
    };
    expect(asked({ retainHandling: 2 })).toBe(0);
    expect(asked({ retainHandling: 1 })).toBe(0);
    expect(asked({ retainHandling: 0 })).toBe(1);
    expect(asked({ filter: '+', retainHandling: 1 })).toBe(1);
    expect(asked({ filter: '$share/group/t' })).toBe(0);
    expect(asked({ filter: 'a#' })).toBe(0);
  });

  it('is not queued after its expiry [5.0 MQTT-3.3.2-5]', () => {
    const driver = driverAt();
    const expiring = { retain: true, properties: { messageExpiryInterval: 2 } };
    driver.propose(
      'b',
      publishCommand('t/1', 'short', 1, expiring),
      publishCommand('t/2', 'long', 1, retain),
    );
    driver.connect('a', 'c');
    driver.advanceTime(2_000);
    subscribe(driver, 'c', { filter: 't/#', qos: 1 });
    expect(driver.queued('c')).toEqual(['long']);
  });

  it.each([
    ['of a session', { queuedMessagesMax: 5 }],
    ['of a session, in bytes', { queuedBytesMax: 23 }],
    ['of the cluster', { clusterQueuedBytesMax: 37 }],
  ])('is not queued if the retained messages need more than half of the queue bound %s', (_, settings) => {
    const driver = driverAt();
    // Four bytes each.
    driver.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    driver.connect('a', 'c', {}, 'other');
    // Ten bytes, which count against the bound of the cluster.
    driver.propose('b', publishCommand('other', 'kept!', 1));
    driver.propose('b', { kind: 'settings', settings });
    expect(subscribe(driver, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(driver.queued('c')).toEqual(['kept!']);
    expect(subscribe(driver, 'c', { filter: 't/1', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    expect(driver.queued('c')).toEqual(['kept!', '1']);
  });

  it('is not queued if a full queue would have to drop a published message for it', () => {
    const driver = driverAt();
    driver.propose('b', {
      kind: 'settings',
      settings: { queuedMessagesMax: 4, connectedQueuedMessagesMax: 4 },
    });
    driver.propose('b', publishCommand('t', 'shown', 1, retain));
    driver.connect('a', 'c', {}, 'other');
    driver.propose('b', ...['1', '2', '3', '4'].map((name) => publishCommand('other', name, 1)));
    expect(subscribe(driver, 'c', { filter: 't', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(driver.queued('c')).toEqual(['1', '2', '3', '4']);
  });

  it('is queued in a full queue if it replaces earlier copies', () => {
    const driver = driverAt();
    driver.propose('b', ...['1', '2', '3'].map((name) => publishCommand(`t/${name}`, name, 1, retain)));
    driver.propose('b', { kind: 'settings', settings: { queuedMessagesMax: 6 } });
    for (let time = 0; time < 3; time++) {
      driver.connect('a', 'c');
      expect(subscribe(driver, 'c', { filter: 't/#', qos: 1 })).toMatchObject({ retainedQueued: [true] });
    }
    expect(driver.queued('c')).toEqual(['1', '2', '3']);
  });

  it('is queued only once if the client repeatedly connects and subscribes without acknowledging it', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t/1', 'one', 1, retain), publishCommand('t/2', 'two', 2, retain));
    for (let time = 0; time < 5; time++) {
      driver.connect('a', 'c', { receiveMaximum: 1 });
      subscribe(driver, 'c', { filter: 't/+', qos: 2 });
    }
    // The QoS 2 exchange of the first copy has begun, so the copy stays.
    expect(driver.queued('c')).toEqual(['two', 'one', 'two']);
  });

  it('replaces neither published messages nor copies of an earlier retained message', () => {
    const driver = driverAt();
    const kept = { filter: 't', qos: 1 as const, retainAsPublished: true };
    driver.propose('b', publishCommand('t', 'same', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', kept);
    driver.propose('b', publishCommand('t', 'same', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', kept);
    expect(driver.items('c').map(({ retain: flag }) => flag)).toEqual([true, true, true]);
    // A will has no origin, like a queued retained message, and must not be replaced either.
    const will = { topic: 't', payload: new Uint8Array([1]), qos: 1 as const, retain: true, delaySeconds: 0 };
    driver.connect('b', 'mortal', { will });
    driver.close('b', 'mortal', false);
    driver.connect('a', 'c');
    subscribe(driver, 'c', kept);
    expect(driver.items('c')).toHaveLength(5);
  });

  it('is queued again when the same connection subscribes again [3.1.1 MQTT-3.8.4-3] [5.0 MQTT-3.8.4-4]', () => {
    const driver = driverAt();
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    driver.connect('a', 'c');
    subscribe(driver, 'c', { filter: 't', qos: 1 });
    subscribe(driver, 'c', { filter: 't', qos: 1 });
    expect(driver.queued('c')).toEqual(['kept', 'kept']);
  });

  it('is not queued under semantics version 1', () => {
    const driver = driverAt(1);
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    driver.applyOne('a', openCommand('c'));
    expect(subscribe(driver, 'c', { filter: 't', qos: 1 })).toMatchObject({ retainedQueued: [false] });
    expect(driver.queued('c')).toEqual([]);
  });

  it('is not queued until the end of the entry that raises the semantics version', () => {
    const driver = driverAt(1);
    driver.propose('b', publishCommand('t', 'kept', 1, retain));
    const epoch = driver.connect('a', 'c');
    const asked: Command = {
      kind: 'subscribe',
      client: 'c',
      epoch,
      subscriptions: [{ filter: 't', qos: 1 }],
    };
    const [, first] = driver.propose('a', { kind: 'semantics', version: 2 }, asked);
    expect(first).toMatchObject({ retainedQueued: [false] });
    expect(driver.applyOne('a', asked)).toMatchObject({ retainedQueued: [true] });
  });
});
