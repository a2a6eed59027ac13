import { isFrequentList } from '../src/frequent-messages.ts';
import { isPeerMessageList } from '../src/index.ts';

const header = { term: 3, storeId: 'store-a', toStoreId: 'store-b' };
const entry = { index: 8, term: 3, kind: 'normal', data: new Uint8Array([1, 2]) };
const append = {
  ...{ type: 'appendRequest', ...header, previousIndex: 7, previousTerm: 2 },
  ...{ entries: [entry], commit: 6, round: 12 },
};
const answer = {
  ...{ type: 'appendResponse', ...header, success: true },
  ...{ matchIndex: 7, conflictTerm: 0, round: 12 },
};
const lists: Readonly<Record<string, unknown[]>> = {
  'an append': [{ type: 'raft', message: append, clusterTimeMs: 5.5 }],
  'a heartbeat': [{ type: 'raft', message: { ...append, entries: [] } }],
  'an append answer': [{ type: 'raft', message: answer }],
};

/** Values that replace a part of a message. Most of them have the wrong type. */
const replacements: readonly unknown[] = [
  ...[undefined, null, true, false, '', 'raft', 'config', 'appendRequest', 'snapshotPiece', 'voteRequest'],
  ...[0, -1, 1.5, 2 ** 53, NaN, Infinity, -0, [], {}, [1], [null], [[]], new Uint8Array(1), new Date(0)],
];

/** Returns copies of a value in which one part is replaced, removed or added. */
function* variants(value: unknown): Iterable<unknown> {
  yield* replacements;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (const [at, item] of value.entries()) for (const other of variants(item)) yield value.with(at, other);
    yield [...value, ...value];
    return;
  }
  yield { ...value, unknown: 1 };
  for (const [key, part] of Object.entries(value)) {
    const rest: Record<string, unknown> = { ...value };
    delete rest[key];
    yield rest;
    for (const other of variants(part)) yield { ...value, [key]: other };
  }
}

test.each(Object.entries(lists))('the quick check accepts %s', (_name, list) => {
  expect(isFrequentList(list)).toBe(true);
});

test.each(Object.entries(lists))(
  'the quick check accepts no variant of %s that the schema refuses',
  (_name, list) => {
    let refused = 0;
    for (const variant of variants(list)) {
      // An additional message of a type that the quick check does not know makes the schema check the whole list.
      const bySchema =
        !Array.isArray(variant) || isPeerMessageList([...variant, { type: 'propose', batches: [] }]);
      if (isFrequentList(variant) && !(Array.isArray(variant) && bySchema))
        throw new Error(describe(variant));
      if (!bySchema) refused++;
    }
    expect(refused).toBeGreaterThan(50);

    function describe(variant: unknown): string {
      return `accepted: ${JSON.stringify(variant)}`;
    }
  },
);
