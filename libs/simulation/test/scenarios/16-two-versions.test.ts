import { encodeBatch } from '@mqtt-cluster/mqtt-state';
import { Story } from '../../src/index.ts';

const newerVersion = 99;

/**
 * There is one version of the commands' meaning so far, so a rolling upgrade can't be played yet; what can is its
 * worst case, an entry of a newer version in the log of older members. Seen to fail without the alarm.
 */
test('16 two versions: an entry that is too new is an alarm for all members, and a crash or a difference for none', () => {
  const story = new Story();
  const [a, b] = story.followers() as [string, string];
  const subscriber = story.client('s', a, { subscriptions: [{ filter: 'x', qos: 1 }] });
  const publisher = story.client('p', b);
  const { storeId, incarnation } = story.world.host(b).disk;
  const batch = encodeBatch({
    member: b,
    storeId,
    incarnation: incarnation + 1,
    sequence: 1,
    commands: [
      { kind: 'start', semantics: newerVersion, outboxIncarnations: [] },
      { kind: 'semantics', version: newerVersion },
    ],
  });
  story.world.host(story.leader()).receive(b, { type: 'propose', batches: [batch] });
  const alarmed = (): Set<string> =>
    new Set(story.world.events.filter(({ event }) => event.kind === 'alarm').map(({ member }) => member));
  story.must('all are alarmed', 2_000, () => alarmed().size === story.names.length);
  // The member that was spoken for starts anew, as one does after an upgrade.
  story.world.kill(b);
  story.world.start(b);
  story.world.kill(b);
  story.world.start(b);
  story.waitForServing(b);
  publisher.connect(b);
  story.waitForClient(publisher);
  story.waitForArrival(subscriber, publisher.publish('x', 1));
  expect(story.finish()).toEqual([]);
  expect(story.names.every((id) => story.status(id).digestsAgree)).toBe(true);
});
