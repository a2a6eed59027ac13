import { lanMemberTimings } from '../src/index.ts';
import { request, TestCluster } from './cluster.ts';

const clients = 1_100;
const { lostAfterMs } = lanMemberTimings;

describe('the connections of a silent member', () => {
  test('end in several turns, at most 500 in each, and all of them within a second after it was given up', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    const leader = cluster.leader();
    const silent = ['a', 'b', 'c'].find((id) => id !== leader)!;
    for (let number = 1; number <= clients; number++)
      cluster.member(silent).input(number, { kind: 'connect', request: request(`c-${number}`) });
    cluster.run(500);
    expect(cluster.member(leader).status().sessions).toBe(clients);
    const member = cluster.member(leader);
    const take = member.take.bind(member);
    const endedInTurns: number[] = [];
    member.take = () => {
      const output = take();
      const ended = output.events.filter(({ kind }) => kind === 'sessionEnded').length;
      if (ended > 0) endedInTurns.push(ended);
      return output;
    };
    cluster.cut(silent);
    cluster.run(lostAfterMs + 1_000);
    expect(endedInTurns).toEqual([500, 500, 100]);
    expect(member.status().sessions).toBe(0);
  });

  test('end in the order in which they were opened', () => {
    const cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    const leader = cluster.leader();
    const silent = ['a', 'b', 'c'].find((id) => id !== leader)!;
    for (let number = 1; number <= 600; number++) {
      cluster.member(silent).input(number, { kind: 'connect', request: request(`c-${number}`) });
      if (number % 100 === 0) cluster.run(50);
    }
    cluster.events.set(leader, []);
    cluster.cut(silent);
    cluster.run(lostAfterMs + 1_000);
    const ended = cluster.events
      .get(leader)!
      .flatMap((event) => (event.kind === 'sessionEnded' ? [Number(event.client.slice(2))] : []));
    expect(ended).toHaveLength(600);
    expect(Math.max(...ended.slice(0, 500))).toBeLessThanOrEqual(500);
  });
});
