import type { Publication } from '../../src/index.ts';
import { Scenario } from '../../src/index.ts';

/** More than the queue of a session takes at once. */
const topicCount = 1_200;

/** This test fails if the home alone holds the position in the retained messages. */
test.each([1, 2] as const)(
  'the cluster delivers all retained messages of a subscription at QoS %i whose homes die during the delivery (P3) [3.1.1 MQTT-3.3.1-6]',
  (qos) => {
    const scenario = new Scenario();
    const [b, c, d] = scenario.followers() as [string, string, string];
    const publisher = scenario.client('p', d, { windowMax: 50 });
    const retained: Publication[] = [];
    for (let number = 0; number < topicCount; number += 1) {
      retained.push(publisher.publish(`r/${number}`, qos, { retain: true }));
      if (number % 50 === 49) scenario.waitFor('the window is free', 10_000, () => publisher.isIdle);
    }
    scenario.waitForAck(...retained);
    scenario.run(1_500);

    const subscriptions = [{ filter: 'r/#', qos }];
    const subscriber = scenario.client('s', b, { subscriptions, receiveMaximum: 50 });
    const received = (): number =>
      new Set(scenario.arrivals(subscriber).map((each) => each.publication)).size;
    scenario.waitFor('a part has arrived', 10_000, () => received() > topicCount / 4);
    scenario.world.kill(b);
    subscriber.move(c, 'close');
    scenario.waitFor('more has arrived', 10_000, () => received() > topicCount / 2);
    expect(received()).toBeLessThan(topicCount);
    scenario.world.kill(c);
    subscriber.move(d, 'close');
    scenario.waitFor('all have arrived', 20_000, () => received() === topicCount);
    expect(scenario.finish()).toEqual([]);
    if (qos === 2) for (const each of retained) expect(scenario.deliveryCount(subscriber, each)).toBe(1);
  },
);
