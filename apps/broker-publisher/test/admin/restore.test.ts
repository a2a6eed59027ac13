import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMqttState } from '@mqtt-cluster/mqtt-state';
import { encodeBackup, sha256Of } from '../../src/admin/backup.ts';
import { compareStore, restore } from '../../src/admin/restore.ts';

describe('restore', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'restore-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('writes a store with the state of the backup, and detects that the disk returns another state', async () => {
    const data = createMqttState().encode();
    const config = { members: [{ id: 'a', storeId: '1', role: 'voter' as const }] };
    const file = join(folder, 'one.backup');
    writeFileSync(file, await encodeBackup('mine', { index: 7, term: 2, config, data }));
    const lines: string[] = [];
    const store = { directory: join(folder, 'store'), id: 'b' };
    await restore({ file, ...store, progress: (line) => lines.push(line) });
    expect(lines[1]).toContain('restored into');
    await expect(compareStore(sha256Of(Buffer.from('other')), store)).rejects.toThrow(
      'contains another state than was written',
    );
  });
});
