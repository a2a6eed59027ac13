import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import { WatchedFiles } from '@mqtt-cluster/runtime';
import { watchAclFile } from '../../src/access/acl-file.ts';

describe('the ACL file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'acl-'));
  const path = join(directory, 'acl');
  let files: WatchedFiles;
  const errors: object[] = [];

  beforeEach(() => {
    errors.length = 0;
    files = new WatchedFiles({ logger: { ...silentLogger, error: (fields) => errors.push(fields) } });
  });
  afterEach(() => files.stop());
  afterAll(() => rmSync(directory, { recursive: true }));

  it('stops the start when it is broken, with the file and the line', async () => {
    writeFileSync(path, 'topic a\nuser\n');
    await expect(watchAclFile(path, files)).rejects.toThrow(
      `mqtt.aclFile: ${path}: line 2: the name of the user is missing`,
    );
    await expect(watchAclFile(join(directory, 'absent'), files)).rejects.toThrow('absent');
  });

  it('is read again; a broken version is refused with the file and the line, and the old rules stay', async () => {
    writeFileSync(path, 'topic read a\n');
    const file = await watchAclFile(path, files);
    const changes: string[][] = [];
    file?.onChange((rules) => changes.push(rules.flatMap(({ topics }) => topics)));
    writeFileSync(path, 'topic read b\ntopic c d e\n');
    await files.reload();
    expect(file?.current.flatMap(({ topics }) => topics)).toEqual(['a']);
    expect(errors).toMatchObject([
      { setting: 'mqtt.aclFile', error: expect.stringContaining(`${path}: line 2: unknown access type "c"`) },
    ]);
    writeFileSync(path, 'topic read b\n');
    await files.reload();
    expect(changes).toEqual([['b']]);
  });

  it('in Latin-1 stops the start, and its rules do not come into force later', async () => {
    const latin1 = Buffer.from('topic readwrite #\ntopic deny gehe\xEFm/#\n', 'latin1');
    writeFileSync(path, latin1);
    const fault = `${path}: line 2: the text is not UTF-8`;
    await expect(watchAclFile(path, files)).rejects.toThrow(fault);
    writeFileSync(path, 'topic read a\n');
    const file = await watchAclFile(path, files);
    writeFileSync(path, latin1);
    await files.reload();
    expect(file?.current.flatMap(({ topics }) => topics)).toEqual(['a']);
    expect(errors).toMatchObject([{ setting: 'mqtt.aclFile', error: fault }]);
  });

  it('is optional', async () => {
    await expect(watchAclFile('', files)).resolves.toBeNull();
  });
});
