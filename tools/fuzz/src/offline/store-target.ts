import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError } from '@mqtt-cluster/contracts';
import type { StoreWrite } from '@mqtt-cluster/contracts';
import { pick } from '@mqtt-cluster/kit';
import { createStore } from '@mqtt-cluster/store';
import { mutate } from '../mutation/mutate.ts';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';

const member = 'm1';
const writes = 8;
const entriesPerWrite = 5;

/**
 * Returns the target of the files of a store: the process opens a directory with one changed file. The store must open, or
 * report one of its declared errors. If it opens, its log has no gap, and it accepts a write and opens again.
 */
export function storeTarget(): Target {
  let original: Promise<string> | null = null;
  return {
    name: 'store-files',
    parallel: 1,
    async run(random) {
      original ??= writeStore();
      const folder = mkdtempSync(join(tmpdir(), 'fuzz-store-'));
      try {
        cpSync(await original, folder, { recursive: true });
        const file = join(folder, pick(random, readdirSync(folder).sort()));
        const content = readFileSync(file);
        if (random() < 0.1) rmSync(file);
        else writeFileSync(file, mutate(random, content));
        await openTwice(folder, file);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };

  async function writeStore(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-store-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const store = createStore({ directory: folder, segmentBytesMax: 1_000 });
    await store.open(member);
    for (let write = 0; write < writes; write++) await store.write(change(write));
    await store.close();
    return folder;
  }
}

function change(write: number): StoreWrite {
  const first = write * entriesPerWrite + 1;
  return {
    hardState: { term: write + 1, votedFor: write % 3 === 0 ? member : null },
    entries: Array.from({ length: entriesPerWrite }, (_, position) => ({
      index: first + position,
      term: write + 1,
      kind: 'normal',
      data: Buffer.alloc(1 + ((first * 37) % 200), first),
    })),
    outboxPut: [{ incarnation: 1, sequence: write + 1, data: Buffer.from(`item ${write}`) }],
  };
}

async function openTwice(folder: string, file: string): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const store = createStore({ directory: folder });
    try {
      const recovered = await store.open(member);
      const [first] = recovered.entries;
      const gap = recovered.entries.findIndex(({ index }, position) => index !== first!.index + position);
      if (gap >= 0)
        throw new Fault(`store-files: the log has a gap after a change of ${file}`, readFileSync(file));
      const last = recovered.entries.at(-1)?.index ?? recovered.snapshot?.index ?? 0;
      await store.write({
        entries: [{ index: last + 1, term: 1_000 + round, kind: 'normal', data: Buffer.from('x') }],
      });
    } catch (error) {
      if (error instanceof Fault) throw error;
      if (!(error instanceof ClusterError))
        throw new Fault(`store-files: undeclared error after a change of ${file}: ${String(error)}`, null, {
          cause: error,
        });
      return;
    } finally {
      await store.close();
    }
  }
}
