import { mkdir, open as openFile, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogEntry } from '@mqtt-cluster/contracts';
import { createStore } from '@mqtt-cluster/store';
import { ClassicLevel } from 'classic-level';
import { open as openLmdb } from 'lmdb';

/** A storage engine under test. Its log has the operations that the store contract needs. */
export interface Engine {
  readonly name: string;
  open(directory: string): Promise<EngineLog>;
}

export interface EngineLog {
  /** Number of entries that the engine recovered when it opened. */
  readonly recovered: number;
  /** Number of recovered entries that are filled with {@link damageValue}. */
  readonly intact: number;
  /** Appends a group of entries. Resolves when the group is on the disk. */
  append(group: readonly LogEntry[]): Promise<void>;
  /** Removes all entries up to `index`. */
  cut(index: number): Promise<void>;
  close(): Promise<void>;
}

/** Size of the data of each entry, in bytes. */
export const entryBytes = 200;
/** Value of each byte of an entry before the damage. */
export const damageValue = 0x76;
const keyBytes = 8;

/** Counts recovered entries, and recovered entries without damage. */
class Tally {
  recovered = 0;
  intact = 0;

  add(data: Uint8Array): void {
    this.recovered++;
    if (data.every((byte) => byte === damageValue)) this.intact++;
  }
}

function keyOf(index: number): Buffer {
  const key = Buffer.alloc(keyBytes);
  key.writeBigUInt64BE(BigInt(index));
  return key;
}

const level: Engine = {
  name: 'classic-level, sync: true',
  async open(directory) {
    const options = {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
      cacheSize: 1024 * 1024,
    } as const;
    const database = new ClassicLevel<Buffer, Buffer>(directory, options);
    await database.open();
    const tally = new Tally();
    for await (const [, value] of database.iterator()) tally.add(value);
    return {
      recovered: tally.recovered,
      intact: tally.intact,
      async append(group) {
        const puts = group.map((entry) => ({
          type: 'put' as const,
          key: keyOf(entry.index),
          value: entry.data as Buffer,
        }));
        await database.batch(puts, { sync: true });
      },
      async cut(index) {
        await database.clear({ lte: keyOf(index) });
        await database.compactRange(keyOf(0), keyOf(index));
      },
      close: () => database.close(),
    };
  },
};

function lmdb(name: string, overlappingSync: boolean): Engine {
  return {
    name,
    async open(directory) {
      const database = openLmdb<Buffer, number>({
        path: directory,
        encoding: 'binary',
        keyEncoding: 'uint32',
        overlappingSync,
        compression: false,
      });
      const tally = new Tally();
      for (const { value } of database.getRange()) tally.add(value);
      return {
        recovered: tally.recovered,
        intact: tally.intact,
        async append(group) {
          const committed = database.batch(() => {
            for (const entry of group) void database.put(entry.index, entry.data as Buffer);
          });
          await committed;
          // With overlapping syncs a commit resolves before its data is on the disk.
          if (overlappingSync) await database.flushed;
        },
        async cut(index) {
          await database.batch(() => {
            for (const key of database.getKeys({ end: index + 1 })) void database.remove(key);
          });
          await database.flushed;
        },
        close: () => database.close(),
      };
    },
  };
}

/**
 * A plain file, which shows the minimum work of any engine. Recovery reads the whole file; a cut copies the rest of the
 * file.
 */
const plainFile: Engine = {
  name: 'plain file, write + fdatasync',
  async open(directory) {
    await mkdir(directory, { recursive: true });
    const path = join(directory, 'log');
    let handle = await openFile(path, 'a+');
    const tally = new Tally();
    const content = await handle.readFile();
    for (let at = 0; at < content.length; at += entryBytes) tally.add(content.subarray(at, at + entryBytes));
    return {
      recovered: tally.recovered,
      intact: tally.intact,
      async append(group) {
        await handle.appendFile(Buffer.concat(group.map((entry) => entry.data)));
        await handle.datasync();
      },
      async cut(index) {
        const rest = await openFile(`${path}.new`, 'a+');
        const file = await openFile(path, 'r');
        const content = await file.readFile();
        await file.close();
        await rest.appendFile(content.subarray(index * entryBytes));
        await rest.datasync();
        await rename(`${path}.new`, path);
        await handle.close();
        handle = rest;
      },
      close: () => handle.close(),
    };
  },
};

/** The store of the product (libs/store), which has checksums and atomic changes and frees space. */
const journal: Engine = {
  name: 'libs/store (journal)',
  async open(directory) {
    const store = createStore({ directory });
    const { entries } = await store.open('bench');
    const tally = new Tally();
    for (const entry of entries) tally.add(entry.data);
    return {
      recovered: tally.recovered,
      intact: tally.intact,
      append: (group) => store.write({ entries: group }),
      async cut(index) {
        const data = Buffer.alloc(0);
        await store.write({ snapshot: { index, term: 1, config: { members: [] }, data } });
        // The store frees space between two writes.
        await store.write({});
      },
      close: () => store.close(),
    };
  },
};

export const engines: readonly Engine[] = [
  journal,
  plainFile,
  level,
  lmdb('lmdb, overlappingSync: false', false),
  lmdb('lmdb, overlappingSync (default)', true),
];

/** Returns the bytes that the directory occupies on the disk. */
export async function diskBytes(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory)) {
    const { blocks } = await stat(join(directory, name));
    total += blocks * 512;
  }
  return total;
}
