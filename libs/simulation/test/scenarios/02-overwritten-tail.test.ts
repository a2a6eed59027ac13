import type { Member, Outgoing, RaftAppendRequest, RaftMessage } from '@mqtt-cluster/contracts';
import { createSimulatedMember, smallLimits, Story } from '../../src/index.ts';

/** Seen to fail when a follower takes appends without comparing the term before them (paper, figure 7). */
test('2 overwritten tail: a minority that wrote on gives way, and nothing acknowledged is lost', () => {
  const story = new Story({ whenIsolated: 'hold', limits: { ...smallLimits, batchesInFlightMax: 64 } });
  const a = story.leader();
  const [b, c, d] = story.followers() as [string, string, string];
  const subscriber = story.client('s', d, { subscriptions: [{ filter: '#', qos: 1 }] });
  const here = ['p', 'o'].map((id) => story.client(id, a, { windowMax: 20 }));
  const there = story.client('q', c);
  story.world.partition([a, b], story.others(a, b));
  // The overwritten tail is the longer one.
  for (let count = 0; count < 20; count += 1) {
    for (const publisher of here) {
      publisher.publish(`here/${count % 3}`, 1);
      story.run(20);
    }
  }
  story.run(1_000);
  for (let count = 0; count < 20; count += 1) there.publish(`there/${count % 3}`, 2);
  story.run(400);
  expect(story.status(a).lastIndex).toBeGreaterThan(story.status(c).lastIndex);
  // The next leader begins with its own end of the log, which the others have differently.
  story.world.kill(story.leader());
  story.world.heal();
  story.run(1_000);
  expect(story.finish()).toEqual([]);
  for (const id of [a, b]) expect(story.status(id).digestsAgree).toBe(true);
  expect(new Set(story.arrivals(subscriber).map(({ publication }) => publication)).size).toBe(60);
});

/** Seen to fail when an append is answered before its sync. */
test('2 overwritten tail: an ack that went out before its sync would be lost with the power', () => {
  const story = new Story();
  const subscriber = story.client('s', 'a', { subscriptions: [{ filter: '#', qos: 1 }] });
  subscriber.leave('disconnect');
  const publisher = story.client('p', story.leader());
  // The leader's own disk is quick, those of all others take half a second.
  for (const id of story.followers()) story.world.host(id).disk.syncMs = [450, 500];
  const publication = publisher.publish('x', 1);
  const whole = story.world.until(() => publication.ackedAtMs !== null, 300);
  for (const id of story.names) story.world.powerOff(id);
  expect(whole).toBe(false);
  expect(story.violations).toEqual([]);
});

/** Appends of one entry each behind a probe without any, so that losses can be chosen entry by entry. */
function oneByOne(member: Member): Member {
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

/** Seen to fail when a leader commits entries of earlier terms by counting their copies (paper, 5.4.2). */
test('2 overwritten tail: an entry of an earlier term on a majority of disks may still be overwritten (figure 8)', () => {
  const usual = createSimulatedMember({ whenIsolated: 'hold', limits: smallLimits });
  const story = new Story({
    createMember: (id, members, recovered, random) => oneByOne(usual(id, members, recovered, random)),
  });
  const { world } = story;
  const a = story.leader();
  const [b, c, d, e, f] = story.followers() as [string, string, string, string, string];
  const publisher = story.client('p', a);
  story.run(500);
  const place = story.status(a).lastIndex + 1;
  const { term } = story.status(a);
  const raftOf = ({ message }: Outgoing): RaftMessage | null =>
    message.type === 'raft' ? message.message : null;
  /** Only that one is elected, and only these of its appends arrive. */
  const onlyLeader = (leader: string, arrives: (append: RaftAppendRequest, to: string) => boolean): void => {
    world.network.filter = (from, outgoing) => {
      const raft = raftOf(outgoing);
      if (raft?.type === 'voteRequest') return from === leader;
      return raft?.type !== 'appendRequest' || (from === leader && arrives(raft, outgoing.to));
    };
    story.must(`${leader} leads`, 20_000, () => story.status(leader).role === 'leader');
  };

  // (a) The leader's entry reaches one other only.
  world.partition([a, b], story.others(a, b));
  publisher.publish('x', 1);
  story.must('two have it', 500, () => [a, b].every((id) => world.host(id).disk.holds(place, term)));
  world.powerOff(a);
  world.powerOff(b);

  // (b) Another is elected, and nobody gets what it writes in the same place.
  onlyLeader(c, () => false);
  const later = story.status(c).term;
  story.must('c has it stored', 500, () => world.host(c).disk.holds(place, later));
  world.powerOff(c);

  // (c) The first leads again and brings its entry to a majority, but nothing of its new term.
  world.heal();
  world.start(a);
  onlyLeader(a, ({ entries }, to) => entries.every((entry) => entry.term === term && [d, e, f].includes(to)));
  story.must('four have it', 3_000, () => [a, d, e, f].every((id) => world.host(id).disk.holds(place, term)));
  story.run(300);
  expect(story.status(a).commitIndex).toBeLessThan(place);
  world.powerOff(a);

  // (d) The other leads again, and what it had written takes that place.
  world.start(c);
  onlyLeader(c, () => true);
  story.must('it is overwritten', 3_000, () =>
    [d, e, f].every((id) => world.host(id).disk.holds(place, later)),
  );
  world.network.filter = null;
  expect(story.finish()).toEqual([]);
});
