import type { MemberId } from '@mqtt-cluster/contracts';
import { lanMemberTimings } from '../src/index.ts';
import { request, TestCluster } from './cluster.ts';

const { interestMs } = lanMemberTimings;

/** Records the whole interests that a member sends, and can lose its messages of type `interest`. */
class Announcements {
  readonly full: MemberId[] = [];
  loses = false;

  constructor(cluster: TestCluster, id: MemberId) {
    cluster.onOutput(id, (output) => {
      const send = output.send.filter(({ message }) => !this.loses || message.type !== 'interest');
      for (const { to, message } of send) if (message.type === 'interest' && message.full) this.full.push(to);
      return { ...output, send };
    });
  }
}

describe('the check of the interest at the peers', () => {
  let cluster: TestCluster;

  const subscribe = (at: MemberId, filter: string, durationMs = 200): void => {
    cluster.member(at).input(1, { kind: 'subscribe', packetId: 1, subscriptions: [{ filter, qos: 0 }] });
    cluster.run(durationMs);
  };

  /** The link of member b to member a fails and comes up again. The link in the other direction stays up. */
  const failLink = (): void => {
    cluster.member('b').link('a', 'down');
    cluster.member('b').link('a', 'up');
  };

  /** Records the whole interests that member a sends, and loses its interest messages during the change. */
  const losing = (change: () => void): Announcements => {
    const announcements = new Announcements(cluster, 'a');
    announcements.loses = true;
    change();
    announcements.loses = false;
    return announcements;
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
    const { full } = losing(() => {
      cluster.member('a').input(1, { kind: 'unsubscribe', packetId: 2, filters: ['x'] });
      cluster.run(50);
    });
    cluster.run(2 * interestMs);
    expect(full).toEqual(['b', 'c']);
    cluster.run(5 * interestMs);
    expect(full).toEqual(['b', 'c']);
  });

  test('sends the whole interest to a peer whose link to this member has failed, once', () => {
    const { full } = new Announcements(cluster, 'a');
    failLink();
    cluster.run(interestMs + 100);
    expect(full).toEqual(['b']);
    cluster.run(5 * interestMs);
    expect(full).toEqual(['b']);
  });

  test('sends the whole interest to a peer of an older version, which never answers', () => {
    const { full } = new Announcements(cluster, 'a');
    cluster.onOutput('b', (output) => ({
      ...output,
      send: output.send.filter(({ message }) => message.type !== 'interestAnswer'),
    }));
    subscribe('a', 'y');
    cluster.run(3 * interestMs);
    expect(full.filter((peer) => peer === 'b').length).toBeGreaterThanOrEqual(2);
    expect(full).not.toContain('c');
  });

  test('sends the whole interest to a peer each time when its link to this member has failed, also soon after', () => {
    const { full } = new Announcements(cluster, 'a');
    const reply = new Announcements(cluster, 'b');
    for (let flap = 1; flap <= 3; flap++) {
      failLink();
      const before = full.length;
      cluster.run(2.5 * interestMs);
      expect(full.length).toBeGreaterThan(before);
    }
    cluster.run(3 * interestMs);
    const [sent, answered] = [full.length, reply.full.length];
    cluster.run(10 * interestMs);
    // The exchange has ended.
    expect(full).toHaveLength(sent);
    expect(reply.full).toHaveLength(answered);
  });

  test('sends the whole interest to a peer whose link fails again before its own next check', () => {
    const { full } = new Announcements(cluster, 'a');
    failLink();
    cluster.until('a replies', () => full.length === 1);
    cluster.run(2_000);
    failLink();
    cluster.run(3 * interestMs);
    expect(full.length).toBeGreaterThanOrEqual(2);
    const sent = full.length;
    cluster.run(10 * interestMs);
    expect(full).toHaveLength(sent);
  });

  test.each([
    ['b', 'a'],
    ['a', 'b'],
  ])(
    'sends the whole interest at most twice after a connection failed, of which the link of member %s comes up before that of %s',
    (first, second) => {
      const sent = [new Announcements(cluster, 'a'), new Announcements(cluster, 'b')] as const;
      cluster.member(first).link(second, 'down');
      cluster.member(second).link(first, 'down');
      cluster.run(100);
      cluster.member(first).link(second, 'up');
      cluster.run(300);
      cluster.member(second).link(first, 'up');
      cluster.run(5 * interestMs);
      for (const { full } of sent) {
        expect(full.length).toBeGreaterThanOrEqual(1);
        expect(full.length).toBeLessThanOrEqual(2);
      }
    },
  );

  test('sends the whole interest again to a peer that lost it after its link had failed', () => {
    const { full } = losing(() => {
      failLink();
      cluster.run(2 * interestMs);
    });
    cluster.run(4 * interestMs);
    expect(full).toContain('b');
  });

  test('sends the whole interest to a peer whose hello message shows a new process', () => {
    const { full } = new Announcements(cluster, 'a');
    cluster.onOutput('b', (output) => ({
      ...output,
      send: output.send.map((outgoing) => {
        const { message } = outgoing;
        if (message.type !== 'hello') return outgoing;
        return { ...outgoing, message: { ...message, incarnation: message.incarnation + 1 } };
      }),
    }));
    cluster.run(4 * interestMs);
    expect(full).toContain('b');
  });

  test('sends the whole interest to a peer that has lost a change, also if the peer answers an older change late', () => {
    const { full } = losing(() => subscribe('a', 'lost'));
    cluster.member('a').receive('b', { type: 'interestAnswer', incarnation: 1, version: 1 });
    cluster.run(1_200);
    expect(full).toEqual(['b', 'c']);
  });

  test('sends the whole interest to a peer that has not answered for a second, and not to one that is only slow', () => {
    const { full } = losing(() => subscribe('a', 'lost', 50));
    cluster.run(500);
    expect(full).toEqual([]);
    // Member c is slow: it answers the newest version after the deadline, and before the second has passed.
    cluster.member('a').receive('c', { type: 'interestAnswer', incarnation: 1, version: 2 });
    cluster.run(700);
    expect(full).toEqual(['b']);
  });
});
