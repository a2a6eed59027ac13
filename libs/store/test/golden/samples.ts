import type { ClusterConfig, LogEntry, Snapshot, StoreWrite } from '@mqtt-cluster/contracts';
import type { Complete } from '@mqtt-cluster/contracts/testing';

export const member = 'm1';

const config: ClusterConfig = {
  members: [
    { id: 'm1', storeId: 'a1'.repeat(16), role: 'voter' },
    { id: 'm2', storeId: 'b2'.repeat(16), role: 'learner' },
  ],
};

function entry(index: number, term: number, kind: LogEntry['kind'], text = ''): LogEntry {
  return {
    index,
    term,
    kind,
    data: new TextEncoder().encode(text),
    ...(kind === 'config' ? { config } : {}),
  };
}

/** A sample of each field of a write. The compiler rejects this object when a field has no sample. */
const field: Complete<StoreWrite & { readonly snapshot?: Snapshot }> = {
  hardState: { term: 3, votedFor: 'm2' },
  snapshot: { index: 4, term: 1, config, data: new TextEncoder().encode('the replicated state, ünicode') },
  dropLog: true,
  truncateFrom: 5,
  entries: [{ index: 8, term: 3, kind: 'config', data: new Uint8Array(), config }],
  outboxPut: [
    { incarnation: 1, sequence: 5_000_000_000, data: new Uint8Array([0xb2, 0, 255]) },
    { incarnation: 1, sequence: 5_000_000_001, data: new Uint8Array() },
  ],
  outboxDelete: [{ incarnation: 1, sequence: 5_000_000_001 }],
};

export const fields = Object.keys(field);

const { hardState, snapshot, dropLog, truncateFrom, entries, outboxPut, outboxDelete } = field;

/** The writes of each start of the store; each write is one record. */
const twoStarts: readonly (readonly StoreWrite[])[] = [
  [
    { hardState: { term: 1, votedFor: 'm1' } },
    { entries: [entry(1, 1, 'noop'), entry(2, 1, 'config'), entry(3, 1, 'normal', 'first')] },
    {
      entries: [entry(4, 1, 'normal', 'fourth'), entry(5, 1, 'normal', 'cut'), entry(6, 1, 'normal', 'cut')],
    },
    { outboxPut },
    { truncateFrom, entries: [entry(5, 2, 'normal', 'fifth'), entry(6, 2, 'normal', 'x'.repeat(300))] },
    { outboxDelete },
  ],
  [
    { snapshot },
    { hardState, entries: [entry(7, 3, 'noop')] },
    { entries, outboxPut: [{ incarnation: 2, sequence: 1, data: new Uint8Array([1, 2, 3]) }] },
    { entries: [entry(9, 3, 'normal', 'last')], hardState: { term: 4, votedFor: null } },
  ],
];

/** A snapshot from a peer replaces the whole log. */
const installed: readonly (readonly StoreWrite[])[] = [
  [
    { hardState, entries: [entry(1, 1, 'normal', 'replaced'), entry(2, 1, 'normal', 'replaced')] },
    { snapshot: { ...snapshot, index: 20, term: 2 }, dropLog },
    { entries: [entry(21, 3, 'normal', 'after the snapshot')] },
  ],
];

export interface Directory {
  readonly name: string;
  readonly starts: readonly (readonly StoreWrite[])[];
  /**
   * Whether the store was closed. If false, the process died, and the last segment has no mark of an orderly
   * end.
   */
  readonly closes: boolean;
}

export const directories: readonly Directory[] = [
  { name: 'closed', starts: twoStarts, closes: true },
  { name: 'killed', starts: twoStarts, closes: false },
  { name: 'installed', starts: installed, closes: true },
  { name: 'new', starts: [[]], closes: true },
];
