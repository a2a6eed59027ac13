import type { MemberId } from '@mqtt-cluster/contracts';
import { lanMemberTimings } from '../src/index.ts';
import { request, TestCluster } from './cluster.ts';

const clients = 1_100;
const { lostAfterMs } = lanMemberTimings;

function startCluster(): { cluster: TestCluster; leader: MemberId; silent: MemberId } {
  const cluster = new TestCluster(['a', 'b', 'c']);
  cluster.serve();
  const leader = cluster.leader();
  return { cluster, leader, silent: leader === 'a' ? 'b' : 'a' };
}

describe('the connections of a silent member', () => {
  test('end in several turns, at most 500 in each, and all of them within a second after it was given up', () => {
    const { cluster, leader, silent } = startCluster();
    for (let number = 1; number <= clients; number++)
      cluster.member(silent).input(number, { kind: 'connect', request: request(`c-${number}`) });
    cluster.run(500);
    expect(cluster.member(leader).status().sessions).toBe(clients);
    const endedInTurns: number[] = [];
    cluster.onOutput(leader, (output) => {
      const ended = output.events.filter(({ kind }) => kind === 'sessionEnded').length;
      if (ended > 0) endedInTurns.push(ended);
      return output;
    });
    cluster.cut(silent);
    cluster.run(lostAfterMs + 1_000);
    expect(endedInTurns).toEqual([500, 500, 100]);
    expect(cluster.member(leader).status().sessions).toBe(0);
  });

  test('end with at most 20 commands, however many there are, and each follows as soon as the last one is applied', () => {
    const { cluster, leader, silent } = startCluster();
    const many = 20_000;
    for (let number = 1; number <= many; number++) {
      cluster.member(silent).input(number, { kind: 'connect', request: request(`c-${number}`) });
      if (number % 1_000 === 0) cluster.run(20);
    }
    cluster.until('all are open', () => cluster.member(leader).status().sessions === many);
    const endedAtMs: number[] = [];
    cluster.onOutput(leader, (output) => {
      if (output.events.some(({ kind }) => kind === 'sessionEnded')) endedAtMs.push(cluster.nowMs);
      return output;
    });
    cluster.cut(silent);
    cluster.run(lostAfterMs + 2_000);
    expect(cluster.member(leader).status().sessions).toBe(0);
    expect(endedAtMs).toHaveLength(20);
    // A step of the test cluster ends when no member has more to do, and takes 10 ms.
    const waits = endedAtMs.slice(1).map((atMs, index) => atMs - endedAtMs[index]!);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10);
  });

  test('end in the order in which they were opened', () => {
    const { cluster, leader, silent } = startCluster();
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
