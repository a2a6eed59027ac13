import type { MemberId } from '@mqtt-cluster/contracts';
import { lanMemberTimings } from '../src/index.ts';
import { request, TestCluster } from './cluster.ts';

const { interestMs } = lanMemberTimings;

/** Records the whole interests that a member sends, and can lose its messages of type `interest`. */
class Announcements {
  readonly full: MemberId[] = [];
  loses = false;

  constructor(cluster: TestCluster, id: MemberId) {
    const member = cluster.member(id);
    const take = member.take.bind(member);
    member.take = () => {
      const output = take();
      const send = output.send.filter(({ message }) => !this.loses || message.type !== 'interest');
      for (const { to, message } of send) if (message.type === 'interest' && message.full) this.full.push(to);
      return { ...output, send };
    };
  }
}

describe('the check of the interest at the peers', () => {
  let cluster: TestCluster;

  const subscribe = (at: MemberId, filter: string): void => {
    cluster.member(at).input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter, qos: 0 }] });
    cluster.run(200);
  };

  beforeEach(() => {
    cluster = new TestCluster(['a', 'b', 'c']);
    cluster.serve();
    for (const id of ['a', 'b'])
      cluster.member(id).input(1, { kind: 'connect', request: request(`client-${id}`) });
    cluster.run(100);
    subscribe('a', 'x');
    // The first check is at an older version, and the links have just come up.
    cluster.run(3 * interestMs);
  });

  test('sends nothing to peers that have answered, however often it happens', () => {
    const { full } = new Announcements(cluster, 'a');
    cluster.run(5 * interestMs);
    expect(full).toEqual([]);
  });

  test('sends nothing to peers that have answered while the filters change all the time', () => {
    const { full } = new Announcements(cluster, 'a');
    for (let change = 0; change < 300; change++) subscribe('a', `changing/${change}`);
    expect(full).toEqual([]);
  });

  test('sends the whole interest to the peers that have missed a change', () => {
    const announcements = new Announcements(cluster, 'a');
    announcements.loses = true;
    cluster.member('a').input(1, { kind: 'unsubscribe', packetId: 2, filters: ['x'] });
    cluster.run(50);
    announcements.loses = false;
    cluster.run(2 * interestMs);
    expect(announcements.full).toEqual(['b', 'c']);
    cluster.run(5 * interestMs);
    expect(announcements.full).toEqual(['b', 'c']);
  });

  test('sends the whole interest to a peer whose link to this member has failed, once', () => {
    const { full } = new Announcements(cluster, 'a');
    cluster.member('b').link('a', 'down');
    cluster.member('b').link('a', 'up');
    cluster.run(interestMs + 100);
    expect(full).toEqual(['b']);
    cluster.run(5 * interestMs);
    expect(full).toEqual(['b']);
  });

  test('sends the whole interest to a peer of an older version, which never answers', () => {
    const { full } = new Announcements(cluster, 'a');
    const older = cluster.member('b');
    const take = older.take.bind(older);
    older.take = () => {
      const output = take();
      return { ...output, send: output.send.filter(({ message }) => message.type !== 'interestAnswer') };
    };
    subscribe('a', 'y');
    cluster.run(3 * interestMs);
    expect(full.filter((peer) => peer === 'b').length).toBeGreaterThanOrEqual(2);
    expect(full).not.toContain('c');
  });

  test('sends the whole interest to a peer that has not answered for a second, and not to one that is only slow', () => {
    const announcements = new Announcements(cluster, 'a');
    announcements.loses = true;
    cluster.member('a').input(1, {
      kind: 'subscribe',
      packetId: 3,
      subscriptions: [{ filter: 'lost', qos: 0 }],
    });
    cluster.run(50);
    announcements.loses = false;
    cluster.run(500);
    expect(announcements.full).toEqual([]);
    cluster.run(700);
    expect(announcements.full).toEqual(['b', 'c']);
  });
});
