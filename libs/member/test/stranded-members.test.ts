import type { RaftStatus } from '@mqtt-cluster/consensus';
import type { ClusterConfig, ConfiguredMember } from '@mqtt-cluster/contracts';
import { Membership } from '../src/cluster/membership.ts';

type Arguments = ConstructorParameters<typeof Membership>;
type Raft = Parameters<Membership['proposeChange']>[0];

const member = (id: string, store: number, role: ConfiguredMember['role'] = 'voter'): ConfiguredMember => ({
  id,
  storeId: `${id}${store}`,
  role,
});
const ours: ClusterConfig = { members: [member('a', 1), member('b', 1), member('c', 1)] };

/** Returns what the leader a proposes when the store b2 reports this configuration, and the store b1 is silent. */
function proposalFor(config: ClusterConfig | null): readonly ClusterConfig[] {
  const proposed: ClusterConfig[] = [];
  const context = { nowMs: 10_000, events: [], options: { members: ['a', 'b', 'c'] } };
  const hello = { storeId: 'b2', fresh: false, state: 'joining', config };
  const peers = {
    hellos: new Map([['b', hello]]),
    links: new Map([['b', 'up']]),
    silentMs: () => 0,
  };
  const status = { config: ours, configChangePending: false, silentMs: {}, match: {}, commitIndex: 5 };
  const raft = { proposeConfig: (next: ClusterConfig) => void proposed.push(next) };
  new Membership(context as unknown as Arguments[0], peers as unknown as Arguments[1]).proposeChange(
    raft as unknown as Raft,
    status as unknown as RaftStatus,
  );
  return proposed;
}

// A leader of an older program sends its log to a learner before the entry that adds it is committed.
test('a store that an overwritten entry has added as a learner is added again', () => {
  expect(proposalFor({ members: [member('a', 1), member('c', 1), member('b', 2, 'learner')] })).toEqual([
    { members: [member('a', 1), member('c', 1), member('b', 2, 'learner')] },
  ]);
});

test.each<[string, ClusterConfig | null]>([
  ['was a voter', { members: [member('a', 1), member('b', 2)] }],
  ['has no configuration of this cluster', { members: [member('x', 1), member('b', 2, 'learner')] }],
  ['has a configuration with another store of the member', ours],
  ['has no configuration', null],
])('a store that is not fresh and %s is not added', (_what, config) => {
  expect(proposalFor(config)).toEqual([]);
});
