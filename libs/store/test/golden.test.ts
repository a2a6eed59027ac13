import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goldenFiles, readableOf } from '@mqtt-cluster/contracts/testing';
import { createStore } from '../src/index.ts';
import { directories, fields, member } from './golden/samples.ts';

interface Expected {
  readonly fields: readonly string[];
  readonly recovered: { readonly incarnation: number; readonly storeId: string };
}

const recordings = goldenFiles(fileURLToPath(new URL('golden', import.meta.url)), 'recovered.json');
const cases = recordings.flatMap(({ recording, folder, cases: recorded }) =>
  recorded.map(({ name, value }) => ({ recording, name, folder, expected: value as Expected })),
);

describe('directories that earlier versions wrote', () => {
  let work = '';
  beforeEach(() => (work = mkdtempSync(join(tmpdir(), 'golden-store-'))));
  afterEach(() => rmSync(work, { recursive: true, force: true }));

  test.each(cases)(
    '$recording: the store opens the directory "$name" with the recorded content',
    async ({ folder, name, expected }) => {
      cpSync(join(folder, name), work, { recursive: true });
      const store = createStore({ directory: work });
      try {
        expect(readableOf(await store.open(member))).toEqual(expected.recovered);
        await store.write({ hardState: { term: 99, votedFor: null } });
      } finally {
        await store.close();
      }
      const again = createStore({ directory: work });
      const { incarnation, storeId, hardState } = await again.open(member);
      await again.close();
      expect({ incarnation, storeId, hardState }).toEqual({
        incarnation: expected.recovered.incarnation + 1,
        storeId: expected.recovered.storeId,
        hardState: { term: 99, votedFor: null },
      });
    },
  );

  // If one of these tests fails, record the sample: node scripts/record-golden.mjs store NAME (see
  // golden/README.md).
  test.each(directories)('the recordings contain the sample directory "$name"', ({ name }) => {
    expect(cases.map((one) => one.name)).toContain(name);
  });

  test.each(fields)('the recordings contain the field "%s" of a write', (field) => {
    expect(cases.flatMap(({ expected }) => expected.fields)).toContain(field);
  });
});
