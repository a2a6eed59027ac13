import { Scenario } from '../../src/index.ts';

const bounds = { clusterQueueMemoryMax: 60_000, connectedQueueReserve: 20_000, retainedBytesMax: 40_000 };

/** This test fails without the fair shares of the queues. */
test('clients that fill the queues and the retained messages of the cluster harm only themselves (P9)', () => {
  const scenario = new Scenario();
  scenario.waitFor('the bounds are in force', 10_000, () => {
    scenario.world.host('c').post((member) => member.changeSettings(bounds));
    scenario.run(200);
    const settings = scenario.world.host('a').member?.settings();
    return settings?.clusterQueueMemoryMax === bounds.clusterQueueMemoryMax;
  });
  const greedy = scenario.client('greedy', 'b', { subscriptions: [{ filter: 'g/#', qos: 1 }] });
  const modest = scenario.client('modest', 'c', { subscriptions: [{ filter: 'm', qos: 1 }] });
  const absent = scenario.client('absent', 'd', { subscriptions: [{ filter: 'm', qos: 1 }] });
  scenario.run(300);
  greedy.leave('disconnect');
  absent.leave('disconnect');
  const flooder = scenario.client('flooder', 'd', { windowMax: 40 });
  const flood = Array.from({ length: 200 }, () => flooder.publish('g/q', 1));
  scenario.waitForAck(...flood);
  const fills = Array.from({ length: 60 }, (_, number) =>
    flooder.publish(`g/r/${number}`, 1, { retain: true }),
  );
  scenario.waitFor('all retained messages are answered', 10_000, () => flooder.isIdle);
  expect(fills.some(({ refused }) => refused)).toBe(true);
  expect(scenario.world.history.drops.get('queueShare')).toBeGreaterThan(0);

  const publisher = scenario.client('publisher', 'a');
  const wanted = Array.from({ length: 20 }, () => publisher.publish('m', 1));
  const retained = publisher.publish('r', 1, { retain: true });
  scenario.waitForAck(...wanted, retained);
  expect([...wanted, retained].filter(({ refused }) => refused)).toEqual([]);
  scenario.waitForArrival(modest, ...wanted);
  absent.connect('e');
  scenario.waitForArrival(absent, ...wanted);

  scenario.world.powerOff('b');
  scenario.run(500);
  scenario.world.start('b');
  scenario.waitForServing('b');
  const digests = (): Set<string | undefined> =>
    new Set(scenario.memberIds.map((id) => scenario.status(id).digest?.value));
  scenario.waitFor('all members have the same digest', 20_000, () => {
    if (publisher.isIdle) publisher.publish('z', 1);
    return digests().size === 1 && !digests().has(undefined);
  });
  const wrong = scenario.finish().filter((text) => !text.includes('greedy'));
  expect(wrong).toEqual([]);
});
