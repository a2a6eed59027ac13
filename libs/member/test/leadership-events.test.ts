import type { MemberEvent, MemberId } from '@mqtt-cluster/contracts';
import { TestCluster } from './cluster.ts';

let cluster: TestCluster;
let leader: MemberId;
let term: number;

beforeEach(() => {
  cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
  leader = cluster.leader();
  term = cluster.member(leader).status().term;
});

function eventsOf(kind: MemberEvent['kind']): MemberEvent[] {
  return cluster.events.get(leader)!.filter((event) => event.kind === kind);
}

/** Lets the store of the leader handle its writes in another way than the test cluster does. */
function handleWrites(handle: (token: number) => void): void {
  cluster.onOutput(leader, (output) => {
    if (output.write !== null) handle(output.write.token);
    return { ...output, write: null };
  });
}

function untilAnotherLeads(): void {
  const request = { client: 'writer', clean: true, sessionExpirySeconds: 0, receiveMaximum: 1 };
  cluster.member(leader).input(1, { kind: 'connect', request });
  cluster.until('another member leads', () => ![leader, undefined].includes(cluster.leader()));
}

test('a leader whose disk is slow reports why it transfers its leadership, and that it no longer leads', () => {
  handleWrites(() => {});
  untilAnotherLeads();
  expect(eventsOf('leadershipTransfer')).toEqual([
    {
      kind: 'leadershipTransfer',
      reason: 'a write to the disk of this member has taken longer than 1000 ms',
    },
  ]);
  expect(eventsOf('steppedDown')).toEqual([{ kind: 'steppedDown', term, reason: expect.any(String) }]);
});

test('a leader whose disk is full reports why it transfers its leadership', () => {
  handleWrites((token) => cluster.member(leader).writeRefused(token));
  untilAnotherLeads();
  expect(eventsOf('leadershipTransfer')[0]).toEqual({
    kind: 'leadershipTransfer',
    reason: 'the disk of this member is full',
  });
});

test('a leader without a majority reports that it no longer leads', () => {
  cluster.cut(leader);
  cluster.until('the leader steps down', () => eventsOf('steppedDown').length > 0);
  expect(eventsOf('steppedDown')).toEqual([
    { kind: 'steppedDown', term, reason: 'no majority has responded within an election timeout' },
  ]);
  expect(eventsOf('leadershipTransfer')).toEqual([]);
});
