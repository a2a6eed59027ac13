import { helloOf } from '@mqtt-cluster/contracts/testing';
import { Removal } from '../src/cluster/removal.ts';

type Parts = ConstructorParameters<typeof Removal>;

/** Returns a removal whose leader has committed the loss of the vote at index 20, and has applied up to `appliedIndex`. */
function removalAt(appliedIndex: number) {
  const proposed: unknown[] = [];
  const config = {
    members: [
      { id: 'a', storeId: 'store-a', role: 'voter' },
      { id: 'b', storeId: 'store-b', role: 'learner' },
    ],
  };
  const status = {
    role: 'leader',
    term: 3,
    config,
    configChangePending: false,
    commitIndex: 20,
    match: { b: 20 },
    silentMs: { b: 10 },
  };
  const raft = {
    status: () => status,
    proposeConfig: (next: unknown) => {
      proposed.push(next);
      return { accepted: true };
    },
  };
  const appliedConfig = appliedIndex < 20 ? { index: 1 } : { index: 20, config };
  const hello = helloOf({
    sentAtMs: 0,
    storeId: 'store-b',
    state: 'draining',
    outboxItems: 0,
    appliedIndex: appliedIndex < 20 ? 15 : 20,
  });
  const context = { options: { id: 'a', timings: { isolatedAfterMs: 2_000 } } } as Parts[0];
  const parts = {
    replica: { raft, appliedIndex, appliedConfig },
    peers: { hellos: new Map([['b', hello]]) },
    state: () => 'serving',
  } as unknown as Parts[1];
  return { removal: new Removal(context, parts, 'b'), proposed };
}

test('waits until the leader itself has applied the loss of the vote, because a report is compared with its index', () => {
  const behind = removalAt(15);
  expect(behind.removal.step()).toBeNull();
  expect(behind.proposed).toEqual([]);
  const current = removalAt(20);
  expect(current.removal.step()).toBeNull();
  expect(current.proposed).toEqual([{ members: [{ id: 'a', storeId: 'store-a', role: 'voter' }] }]);
});
