import type { Member, Outgoing, RaftAppendRequest, RaftMessage } from '@mqtt-cluster/contracts';
import { simulatedMemberFactory, smallLimits, Scenario } from '../../src/index.ts';

/**
 * This test fails if a follower accepts appends without comparing the previous term (Raft paper, figure 7).
 */
test('the cluster overwrites the longer log of a minority after a partition, without losing an acknowledged message (P1)', () => {
  const scenario = new Scenario({ whenIsolated: 'hold', limits: { ...smallLimits, batchesInFlightMax: 64 } });
  const a = scenario.leader();
  const [b, c, d] = scenario.followers() as [string, string, string];
  const subscriber = scenario.client('s', d, { subscriptions: [{ filter: '#', qos: 1 }] });
  const here = ['p', 'o'].map((id) => scenario.client(id, a, { windowMax: 20 }));
  const there = scenario.client('q', c);
  scenario.world.partition([a, b], scenario.others(a, b));
  // The log of the minority becomes longer than the log of the majority.
  for (let count = 0; count < 20; count += 1) {
    for (const publisher of here) {
      publisher.publish(`here/${count % 3}`, 1);
      scenario.run(20);
    }
  }
  scenario.run(1_000);
  for (let count = 0; count < 20; count += 1) there.publish(`there/${count % 3}`, 2);
  scenario.run(400);
  expect(scenario.status(a).lastIndex).toBeGreaterThan(scenario.status(c).lastIndex);
  // The logs of the next leader and of the minority differ after the partition.
  scenario.world.kill(scenario.leader());
  scenario.world.heal();
  scenario.run(1_000);
  expect(scenario.finish()).toEqual([]);
  for (const id of [a, b]) expect(scenario.status(id).digestsAgree).toBe(true);
  expect(new Set(scenario.arrivals(subscriber).map(({ publication }) => publication)).size).toBe(60);
});

/** This test fails if a follower acknowledges an append before its sync. */
test('the cluster sends no PUBACK before a majority has synced the entry, so a power cut cannot lose it (P1)', () => {
  const scenario = new Scenario();
  const subscriber = scenario.client('s', 'a', { subscriptions: [{ filter: '#', qos: 1 }] });
  subscriber.leave('disconnect');
  const publisher = scenario.client('p', scenario.leader());
  // The disk of the leader is fast, the disks of all followers need half a second.
  for (const id of scenario.followers()) scenario.world.host(id).disk.syncMs = [450, 500];
  const publication = publisher.publish('x', 1);
  const isAcknowledged = scenario.world.until(() => publication.ackedAtMs !== null, 300);
  for (const id of scenario.memberIds) scenario.world.powerOff(id);
  expect(isAcknowledged).toBe(false);
  expect(scenario.violations).toEqual([]);
});

/**
 * Splits each append into an empty probe and appends of one entry, so that the test can drop single entries.
 */
function appendOneByOne(member: Member): Member {
  const split = (outgoing: Outgoing): Outgoing[] => {
    const { message } = outgoing;
    if (message.type !== 'raft' || message.message.type !== 'appendRequest') return [outgoing];
    const append = message.message;
    const probe: Outgoing = { ...outgoing, message: { type: 'raft', message: { ...append, entries: [] } } };
    const single = append.entries.map((entry, place): Outgoing => {
      const before = append.entries[place - 1];
      const previous = before === undefined ? {} : { previousIndex: before.index, previousTerm: before.term };
      return {
        ...outgoing,
        message: { type: 'raft', message: { ...append, ...previous, entries: [entry] } },
      };
    });
    return [probe, ...single];
  };
  return new Proxy(member, {
    get(target, name) {
      if (name === 'take') {
        return () => {
          const output = target.take();
          return { ...output, send: output.send.flatMap(split) };
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * This test fails if a leader commits entries of earlier terms by counting their copies (Raft paper, 5.4.2).
 */
test('the cluster does not commit an entry of an earlier term by counting its copies (Raft paper, figure 8)', () => {
  const createUsual = simulatedMemberFactory({ whenIsolated: 'hold', limits: smallLimits });
  const scenario = new Scenario({
    createMember: (id, members, recovered, random) =>
      appendOneByOne(createUsual(id, members, recovered, random)),
  });
  const { world } = scenario;
  const a = scenario.leader();
  const [b, c, d, e, f] = scenario.followers() as [string, string, string, string, string];
  const publisher = scenario.client('p', a);
  scenario.run(500);
  const index = scenario.status(a).lastIndex + 1;
  const { term } = scenario.status(a);
  const raftOf = ({ message }: Outgoing): RaftMessage | null =>
    message.type === 'raft' ? message.message : null;
  /** Lets only this member win an election, and delivers only the given appends of this member. */
  const onlyLeader = (leader: string, arrives: (append: RaftAppendRequest, to: string) => boolean): void => {
    world.network.filter = (from, outgoing) => {
      const raft = raftOf(outgoing);
      if (raft?.type === 'voteRequest') return from === leader;
      return raft?.type !== 'appendRequest' || (from === leader && arrives(raft, outgoing.to));
    };
    scenario.waitFor(`${leader} leads`, 20_000, () => scenario.status(leader).role === 'leader');
  };

  // (a) The entry of the leader reaches one follower.
  world.partition([a, b], scenario.others(a, b));
  publisher.publish('x', 1);
  scenario.waitFor('two members have the entry', 500, () =>
    [a, b].every((id) => world.host(id).disk.holds(index, term)),
  );
  world.powerOff(a);
  world.powerOff(b);

  // (b) Another member becomes leader. Its entry with the same index reaches no follower.
  onlyLeader(c, () => false);
  const later = scenario.status(c).term;
  scenario.waitFor('c has stored its entry', 500, () => world.host(c).disk.holds(index, later));
  world.powerOff(c);

  // (c) The first leader is elected again. Its old entry reaches a majority, but no entry of its new term
  // does.
  world.heal();
  world.start(a);
  onlyLeader(a, ({ entries }, to) => entries.every((entry) => entry.term === term && [d, e, f].includes(to)));
  scenario.waitFor('four members have the entry', 3_000, () =>
    [a, d, e, f].every((id) => world.host(id).disk.holds(index, term)),
  );
  scenario.run(300);
  expect(scenario.status(a).commitIndex).toBeLessThan(index);
  world.powerOff(a);

  // (d) The second leader is elected again, and its entry overwrites the first one.
  world.start(c);
  onlyLeader(c, () => true);
  scenario.waitFor('the entry is overwritten', 3_000, () =>
    [d, e, f].every((id) => world.host(id).disk.holds(index, later)),
  );
  world.network.filter = null;
  expect(scenario.finish()).toEqual([]);
});
