import { decodeMqttState, createMqttState } from '@mqtt-cluster/mqtt-state';
import type { MqttState } from '@mqtt-cluster/mqtt-state';
import { currentSemantics } from '@mqtt-cluster/member';
import { simulatedMemberFactory, smallLimits, Scenario } from '../../src/index.ts';

const drainPerSecond = 1_000;

/** Wraps a state so that it applies certain entries as empty entries. */
function skippingEntries(state: MqttState, skips: (index: number) => boolean): MqttState {
  return new Proxy(state, {
    get(target, name) {
      if (name === 'apply') {
        return (index: number, timeMs: number, batch: Uint8Array | null) =>
          target.apply(index, timeMs, skips(index) ? null : batch);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * The test acts for the appliance: it drains the member, ends its process and gives it an empty store. This
 * test fails without the majority decision in `Digests`: then the members only raise an alarm, and the
 * difference remains.
 */
test.each(['the leader', 'a follower'])(
  'the cluster detects a state that differs on %s, drains that member and restores it from its peers (P10)',
  (role) => {
    const createUsual = simulatedMemberFactory({ whenIsolated: 'accept', limits: smallLimits });
    let divergedMember = '';
    let hasSkipped = false;
    const skipsOf =
      (id: string) =>
      (index: number): boolean => {
        if (id !== divergedMember || hasSkipped || index % 2 === 0) return false;
        hasSkipped = true;
        return true;
      };
    const scenario = new Scenario({
      createMember: (id, members, recovered, random, hooks) => {
        const semantics = {
          ...(hooks?.semantics ?? currentSemantics),
          createState: () => skippingEntries(createMqttState(), skipsOf(id)),
          decodeState: (bytes: Uint8Array) => skippingEntries(decodeMqttState(bytes), skipsOf(id)),
        };
        return createUsual(
          id,
          members,
          recovered,
          random,
          hooks === undefined ? hooks : { ...hooks, semantics },
        );
      },
    });
    const diverged = role === 'the leader' ? scenario.leader() : scenario.followers()[0]!;
    const [home] = scenario.others(diverged, scenario.leader());
    const publisher = scenario.client('p', home!);
    const subscriber = scenario.client('s', home!, { subscriptions: [{ filter: 'x', qos: 1 }] });
    divergedMember = diverged;
    const unfit = (): string[] =>
      scenario.world.events.filter(({ event }) => event.kind === 'storeUnfit').map(({ member }) => member);
    for (let message = 0; message < 200 && unfit().length === 0; message++) {
      scenario.waitForArrival(subscriber, publisher.publish('x', 1));
    }
    scenario.waitFor('the member reports an unfit store', 5_000, () => unfit().length > 0);
    expect(unfit()).toEqual([diverged]);
    const { storeId } = scenario.world.host(diverged).disk;

    scenario.world.host(diverged).post((member) => member.drain(drainPerSecond));
    scenario.waitFor(
      'the member is drained and not the leader',
      5_000,
      () => scenario.status(diverged).drained,
    );
    const earlier = scenario.violations;
    scenario.world.wipe(diverged);
    scenario.world.start(diverged);
    scenario.waitForServing(diverged);
    scenario.waitFor('the member is a voter with another store', 10_000, () => {
      const own = scenario.status(home!).config!.members.find(({ id }) => id === diverged);
      return own?.role === 'voter' && own.storeId !== storeId;
    });
    // Earlier violations concern the state that was replaced.
    expect(scenario.finish().slice(earlier.length)).toEqual([]);
    expect(earlier.every((text) => text.startsWith('same state'))).toBe(true);
    scenario.waitFor('all digests agree', 20_000, () => {
      publisher.publish('x', 1);
      return scenario.memberIds.every((id) => scenario.status(id).digestsAgree);
    });
  },
);
