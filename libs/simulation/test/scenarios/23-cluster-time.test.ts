import { Scenario } from '../../src/index.ts';
import type { ProbeClient } from '../../src/index.ts';

const will = (delaySeconds: number) => ({
  topic: 'w',
  payload: Buffer.from('gone'),
  qos: 1 as const,
  retain: false,
  delaySeconds,
});

/** Bound of docs/DESIGN.md, "Cluster time": an election and a `time` command. */
const lateMsMax = 4_000;

function firstEventMs(scenario: Scenario, kind: 'willFired' | 'sessionEnded', client: string): number | null {
  const found = scenario.world.events.find(({ event }) => event.kind === kind && event.client === client);
  return found?.atMs ?? null;
}

/** Returns the sum over the members of the messages that the metric of dropped messages counts. */
function countedDrops(scenario: Scenario, reason: string): number {
  return scenario.world.events.reduce(
    (sum, { event }) =>
      event.kind === 'dropped' && event.reason === reason && event.counts ? sum + event.count : sum,
    0,
  );
}

function publishRetained(scenario: Scenario, publisher: ProbeClient, topic: string, seconds: number): void {
  const properties = { messageExpiryInterval: seconds };
  scenario.waitForAnswer(publisher, 'puback', publisher.publish(topic, 'x', { retain: true, properties }));
}

/** Returns the Message Expiry Interval of the retained message that a new subscriber receives, or null. */
function retainedSeconds(scenario: Scenario, home: string, topic: string): number | null {
  const subscriber = scenario.probe(`subscriber-${scenario.world.nowMs}`, home, {
    clean: true,
    sessionExpirySeconds: 0,
  });
  scenario.waitForAnswer(subscriber, 'suback', subscriber.subscribe(topic, 1));
  scenario.run(200);
  return subscriber.deliveries[0]?.expirySeconds ?? null;
}

/** Leaves a session with a queued message; both expire. @returns the client of the session */
function leaveQueuedMessage(scenario: Scenario, publisher: ProbeClient, seconds: number): ProbeClient {
  const sleeper = scenario.probe('sleeper', scenario.followers()[0]!);
  scenario.waitForAnswer(sleeper, 'suback', sleeper.subscribe('q', 1));
  sleeper.close(true);
  scenario.run(100);
  const properties = { messageExpiryInterval: seconds };
  scenario.waitForAnswer(publisher, 'puback', publisher.publish('q', 'x', { properties }));
  return sleeper;
}

/** This test fails if a new leader continues cluster time from the newest stamp of its log. */
test('publishes a delayed will in time when the leader of a quiet cluster dies [5.0 MQTT-3.1.2-8]', () => {
  const scenario = new Scenario({ members: 3 });
  const leader = scenario.leader();
  const mortal = scenario.probe('mortal', scenario.followers()[0]!, {
    sessionExpirySeconds: 3_600,
    will: will(12),
  });
  const droppedMs = scenario.world.nowMs;
  mortal.close();
  scenario.run(10_000);
  scenario.world.kill(leader);
  scenario.waitFor(
    'the will is published',
    10_000,
    () => firstEventMs(scenario, 'willFired', 'mortal') !== null,
  );
  const afterMs = firstEventMs(scenario, 'willFired', 'mortal')! - droppedMs;
  expect(afterMs).toBeGreaterThan(11_900);
  expect(afterMs).toBeLessThan(12_000 + lateMsMax);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a new leader takes neither its own estimate nor those of its voters. */
test('a change to leaders that restarted in a quiet cluster loses no time [5.0 MQTT-4.1.0-2]', () => {
  const scenario = new Scenario({ members: 3 });
  const client = scenario.probe('c', scenario.followers()[0]!, { sessionExpirySeconds: 15 });
  const leftMs = scenario.world.nowMs;
  client.close(true);
  for (let time = 0; time < 3; time += 1) {
    scenario.run(3_000);
    const leader = scenario.leader();
    scenario.world.kill(leader);
    scenario.run(300);
    scenario.world.start(leader);
    scenario.waitForServing(...scenario.memberIds);
  }
  scenario.waitFor('the session ends', 12_000, () => firstEventMs(scenario, 'sessionEnded', 'c') !== null);
  const afterMs = firstEventMs(scenario, 'sessionEnded', 'c')! - leftMs;
  expect(afterMs).toBeGreaterThan(14_900);
  expect(afterMs).toBeLessThan(15_000 + lateMsMax);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a start of all members does not read the clock records. */
test.each([1, 3, 7])(
  'cluster time includes the time for which all of %d members were stopped [5.0 MQTT-4.1.0-2] [5.0 MQTT-3.3.2-6]',
  (members) => {
    const scenario = new Scenario({ members });
    const home = scenario.leader();
    const publisher = scenario.probe('publisher', home);
    const client = scenario.probe('c', home, { sessionExpirySeconds: 10 });
    client.close(true);
    publishRetained(scenario, publisher, 'r', 100);
    publisher.close(true);
    scenario.run(2_000);
    scenario.stopAll(30_000);
    scenario.connectProbe(client, scenario.leader(), { sessionExpirySeconds: 10 });
    expect(client.sessionPresent).toBe(false);
    const seconds = retainedSeconds(scenario, scenario.leader(), 'r')!;
    expect(seconds).toBeGreaterThanOrEqual(62);
    expect(seconds).toBeLessThanOrEqual(68);
    expect(scenario.finish()).toEqual([]);
  },
);

/** This test fails if the leader takes the highest or the lowest of the wall clocks, or any single one. */
test.each([-3_600_000, 3_600_000])(
  'one wall clock that steps by %d ms while all members are stopped does not change cluster time [5.0 MQTT-3.3.2-6]',
  (stepMs) => {
    for (const [position, wrong] of ['a', 'b', 'c'].entries()) {
      const scenario = new Scenario({ members: 3, seed: position + 1 });
      const publisher = scenario.probe('publisher', 'a');
      publishRetained(scenario, publisher, 'r', 100);
      publisher.close(true);
      scenario.run(2_000);
      for (const id of scenario.memberIds) scenario.world.kill(id);
      scenario.run(30_000);
      scenario.world.stepWallClock(wrong, stepMs);
      scenario.world.start();
      scenario.waitForServing(...scenario.memberIds);
      const seconds = retainedSeconds(scenario, scenario.leader(), 'r')!;
      expect(seconds).toBeGreaterThanOrEqual(62);
      expect(seconds).toBeLessThanOrEqual(68);
      expect(scenario.finish()).toEqual([]);
    }
  },
);

/** This test fails if a leader reads a wall clock while continuous estimates exist. */
test('wall clocks that step while the members run do not change cluster time [5.0 MQTT-3.3.2-6]', () => {
  const scenario = new Scenario({ members: 3 });
  const publisher = scenario.probe('publisher', 'a');
  publishRetained(scenario, publisher, 'r', 100);
  publisher.close(true);
  for (const id of scenario.memberIds) scenario.world.stepWallClock(id, 7_200_000);
  scenario.run(5_000);
  const leader = scenario.leader();
  scenario.world.kill(leader);
  scenario.run(5_000);
  scenario.world.start(leader);
  scenario.waitForServing(...scenario.memberIds);
  scenario.stopAll(10_000);
  const seconds = retainedSeconds(scenario, scenario.leader(), 'r')!;
  expect(seconds).toBeGreaterThanOrEqual(73);
  expect(seconds).toBeLessThanOrEqual(80);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if no timer runs for the expiry of retained messages. */
test('a retained message expires although nothing else happens in the cluster [5.0 MQTT-3.3.2-5]', () => {
  const scenario = new Scenario({ members: 3 });
  const publisher = scenario.probe('publisher', 'a');
  publishRetained(scenario, publisher, 'r', 1);
  scenario.run(5_000);
  for (const id of scenario.memberIds) expect(scenario.status(id).retained).toBe(0);
  expect(retainedSeconds(scenario, 'b', 'r')).toBeNull();
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a home computes the interval with the time of the last applied entry. */
test('the interval of a retained message is decremented while no entry is written [5.0 MQTT-3.3.2-6]', () => {
  const scenario = new Scenario({ members: 3 });
  const publisher = scenario.probe('publisher', 'a');
  const [home] = scenario.followers();
  const subscriber = scenario.probe('s', home!, { clean: true, sessionExpirySeconds: 0 });
  publishRetained(scenario, publisher, 'r', 100);
  scenario.run(40_000);
  scenario.waitForAnswer(subscriber, 'suback', subscriber.subscribe('r', 1));
  scenario.run(200);
  expect(subscriber.deliveries[0]?.expirySeconds).toBeGreaterThanOrEqual(59);
  expect(subscriber.deliveries[0]?.expirySeconds).toBeLessThanOrEqual(61);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if no timer runs for queued messages, or if several members count the message. */
test('a message that expires in a queue is counted once, before its client returns [5.0 MQTT-3.3.2-5]', () => {
  const scenario = new Scenario({ members: 3 });
  const publisher = scenario.probe('publisher', 'a');
  const sleeper = leaveQueuedMessage(scenario, publisher, 2);
  scenario.run(5_000);
  expect(countedDrops(scenario, 'expired')).toBe(1);
  scenario.connectProbe(sleeper, scenario.followers()[1]!);
  scenario.run(500);
  expect(sleeper.deliveries).toEqual([]);
  expect(countedDrops(scenario, 'expired')).toBe(1);
  expect(scenario.status('a').queuedMessages).toBe(0);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if an isolated home keeps the time at which it lost its majority. */
test('a home without a majority continues to count: a waiting message expires [5.0 MQTT-3.3.2-5]', () => {
  const scenario = new Scenario({ members: 3 });
  const [home, ...others] = scenario.followers();
  const publisher = scenario.probe('publisher', scenario.leader());
  const subscriber = scenario.probe('s', home!, { clean: true, sessionExpirySeconds: 0, receiveMaximum: 1 });
  scenario.waitForAnswer(subscriber, 'suback', subscriber.subscribe('q', 1));
  subscriber.acknowledges = false;
  publisher.publish('q', 'first', {});
  publisher.publish('q', 'second', { properties: { messageExpiryInterval: 10 } });
  scenario.waitFor('the first message arrives', 1_000, () => subscriber.deliveries.length === 1);
  scenario.run(500);
  scenario.world.partition([home!], [scenario.leader(), ...others]);
  scenario.run(12_000);
  subscriber.acknowledgeAll();
  scenario.run(500);
  expect(subscriber.deliveries).toHaveLength(1);
  expect(countedDrops(scenario, 'expired')).toBe(1);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a home selects retained messages with the time of the last applied entry. */
test('a home without a majority sends no retained message that has expired, and counts no drop [5.0 MQTT-3.3.2-5]', () => {
  const scenario = new Scenario({ members: 3 });
  const [home, ...others] = scenario.followers();
  const publisher = scenario.probe('publisher', scenario.leader());
  const subscriber = scenario.probe('s', home!, { clean: true, sessionExpirySeconds: 0 });
  publishRetained(scenario, publisher, 'r', 10);
  scenario.run(500);
  expect(scenario.status(home!).retained).toBe(1);
  scenario.world.partition([home!], [scenario.leader(), ...others]);
  scenario.run(12_000);
  scenario.waitForAnswer(subscriber, 'suback', subscriber.subscribe('r', 1));
  scenario.run(200);
  expect(subscriber.deliveries).toEqual([]);
  expect(countedDrops(scenario, 'expired')).toBe(0);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if a home frees the packet id of an exchange that its client has not finished. */
test('a QoS 2 message that was sent before it expired is sent again with its packet id [5.0 MQTT-4.4.0-1]', () => {
  const scenario = new Scenario({ members: 3 });
  const [home, other] = scenario.followers();
  const publisher = scenario.probe('publisher', scenario.leader());
  const subscriber = scenario.probe('s', home!);
  scenario.waitForAnswer(subscriber, 'suback', subscriber.subscribe('q', 2));
  publisher.publish('q', 'x', { qos: 2, properties: { messageExpiryInterval: 2 } });
  scenario.waitFor('the message arrives', 1_000, () => subscriber.deliveries.length === 1);
  const [first] = subscriber.deliveries;
  subscriber.close();
  scenario.run(5_000);
  scenario.connectProbe(subscriber, other!);
  scenario.run(500);
  expect(subscriber.deliveries).toMatchObject([{ packetId: first!.packetId, dup: true, expirySeconds: 0 }]);
  expect(scenario.finish()).toEqual([]);
});

/** This test fails if the expiry counts from the entry that holds the message. */
test('the time that a message waits at a home without a majority counts [5.0 MQTT-3.3.2-5] [5.0 MQTT-3.3.2-6]', () => {
  const scenario = new Scenario({ members: 3 });
  // The leader raises the semantics version within a second.
  scenario.run(1_000);
  const [home, other] = scenario.followers();
  const sleeper = scenario.probe('sleeper', other!);
  scenario.waitForAnswer(sleeper, 'suback', sleeper.subscribe('q', 1));
  sleeper.close(true);
  const publisher = scenario.probe('publisher', home!);
  const reader = scenario.probe('reader', home!, {
    clean: true,
    sessionExpirySeconds: 0,
    receiveMaximum: 1,
  });
  scenario.waitForAnswer(reader, 'suback', reader.subscribe('q', 1));
  reader.acknowledges = false;
  scenario.world.partition([home!], scenario.others(home!));
  scenario.run(4_000);
  const short = { properties: { messageExpiryInterval: 10 } };
  const first = publisher.publish('q', 'first', short);
  publisher.publish('q', 'waits for the window of the reader', short);
  publisher.publish('r', 'x', { retain: true, properties: { messageExpiryInterval: 100 } });
  scenario.waitForAnswer(publisher, 'puback', first);
  scenario.run(20_000);
  reader.acknowledgeAll();
  scenario.world.heal();
  scenario.waitForServing(...scenario.memberIds);
  scenario.run(1_000);
  scenario.connectProbe(sleeper, other!);
  scenario.run(500);
  expect(sleeper.deliveries).toEqual([]);
  expect(reader.deliveries).toHaveLength(1);
  const seconds = retainedSeconds(scenario, scenario.leader(), 'r')!;
  expect(seconds).toBeGreaterThanOrEqual(74);
  expect(seconds).toBeLessThanOrEqual(80);
  expect(scenario.finish()).toEqual([]);
});
