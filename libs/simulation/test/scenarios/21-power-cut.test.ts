import { Scenario } from '../../src/index.ts';
import type { Publication } from '../../src/index.ts';

/** This test fails if a follower acknowledges an append before its sync. */
test.each([1, 2, 3, 4, 5])(
  'the cluster loses no acknowledged message in three power cuts of all members under load, seed %d (P1)',
  (seed) => {
    const scenario = new Scenario({ seed });
    const subscribers = ['a', 'd', 'g'].map((home) =>
      scenario.client(`s-${home}`, home, { subscriptions: [{ filter: 'x/#', qos: 2 }] }),
    );
    const publishers = ['b', 'c', 'e', 'f'].map((home) =>
      scenario.client(`p-${home}`, home, { windowMax: 10 }),
    );
    const sent: Publication[] = [];
    for (let cut = 0; cut < 3; cut += 1) {
      // Syncs are slow, so many writes are pending at the power cut. A prefix of them survives.
      for (const host of scenario.world.hosts) host.disk.syncMs = [5, 60];
      for (let round = 0; round < 30; round += 1) {
        for (const publisher of publishers)
          sent.push(publisher.publish(`x/${round % 3}`, round % 2 === 0 ? 1 : 2));
        scenario.run(12);
      }
      for (const id of scenario.memberIds) scenario.world.powerOff(id);
      scenario.run(400);
      for (const id of scenario.memberIds) {
        scenario.world.start(id);
        scenario.run(80);
      }
      scenario.waitForServing(...scenario.memberIds);
    }
    scenario.waitFor('all messages are acknowledged', 15_000, () =>
      sent.every(({ ackedAtMs }) => ackedAtMs !== null),
    );
    expect(scenario.finish()).toEqual([]);
    for (const subscriber of subscribers) {
      for (const publication of sent)
        expect(scenario.deliveryCount(subscriber, publication)).toBeGreaterThan(0);
    }
  },
);
