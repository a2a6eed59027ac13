import { decodeMqttState, createMqttState } from '@mqtt-cluster/mqtt-state';
import type { MqttState } from '@mqtt-cluster/mqtt-state';
import { currentSemantics } from '@mqtt-cluster/member';
import { createSimulatedMember, smallLimits, Story } from '../../src/index.ts';

const drainPerSecond = 1_000;

/** A state in which one entry went wrong: it was left out. */
function forgetful(state: MqttState, forgets: (index: number) => boolean): MqttState {
  return new Proxy(state, {
    get(target, name) {
      if (name === 'apply') {
        return (index: number, timeMs: number, batch: Uint8Array | null) =>
          target.apply(index, timeMs, forgets(index) ? null : batch);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * The shell's part: it drains the member, ends it, and gives it an empty store. Seen to fail with the vote taken out
 * (`Digests`): then there is an alarm, and the difference stays for ever.
 */
test.each(['the leader', 'a follower'])(
  '27 state that differs: %s finds out, hands over, and fetches the state anew',
  (who) => {
    const usual = createSimulatedMember({ whenIsolated: 'accept', limits: smallLimits });
    let spoilt = '';
    let forgotten = false;
    const forgets =
      (id: string) =>
      (index: number): boolean => {
        if (id !== spoilt || forgotten || index % 2 === 0) return false;
        forgotten = true;
        return true;
      };
    const story = new Story({
      createMember: (id, members, recovered, random, inside) => {
        const semantics = {
          ...(inside?.semantics ?? currentSemantics),
          createState: () => forgetful(createMqttState(), forgets(id)),
          decodeState: (bytes: Uint8Array) => forgetful(decodeMqttState(bytes), forgets(id)),
        };
        return usual(
          id,
          members,
          recovered,
          random,
          inside === undefined ? inside : { ...inside, semantics },
        );
      },
    });
    const bad = who === 'the leader' ? story.leader() : story.followers()[0]!;
    const [home] = story.others(bad, story.leader());
    const publisher = story.client('p', home!);
    const subscriber = story.client('s', home!, { subscriptions: [{ filter: 'x', qos: 1 }] });
    spoilt = bad;
    const unfit = (): string[] =>
      story.world.events.filter(({ event }) => event.kind === 'storeUnfit').map(({ member }) => member);
    for (let message = 0; message < 200 && unfit().length === 0; message++) {
      story.waitForArrival(subscriber, publisher.publish('x', 1));
    }
    story.must('the member finds out', 5_000, () => unfit().length > 0);
    expect(unfit()).toEqual([bad]);
    const { storeId } = story.world.host(bad).disk;

    story.world.host(bad).post((member) => member.drain(drainPerSecond));
    story.must('it is drained and leads no more', 5_000, () => story.status(bad).drained);
    const noted = story.violations;
    story.world.wipe(bad);
    story.world.start(bad);
    story.waitForServing(bad);
    story.must('it votes again, with another store', 10_000, () => {
      const own = story.status(home!).config!.members.find(({ id }) => id === bad);
      return own?.role === 'voter' && own.storeId !== storeId;
    });
    // What was noted before concerns the state that is gone.
    expect(story.finish().slice(noted.length)).toEqual([]);
    expect(noted.every((text) => text.startsWith('same state'))).toBe(true);
    story.must('all agree', 20_000, () => {
      publisher.publish('x', 1);
      return story.names.every((id) => story.status(id).digestsAgree);
    });
  },
);
