import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, NotInstalledError } from '../src/index.ts';

describe('findProgram', () => {
  const path = process.env['PATH'];
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-programs-'));
  afterEach(() => {
    process.env['PATH'] = path;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('returns the path of an executable file in a folder of the PATH', () => {
    const program = join(folder, 'promtool');
    writeFileSync(program, '');
    chmodSync(program, 0o755);
    process.env['PATH'] = `/nowhere:${folder}`;
    expect(findProgram('promtool')).toBe(program);
  });

  it('throws an error that contains the command to install a missing program', () => {
    process.env['PATH'] = '/nowhere';
    expect(() => findProgram('prometheus')).toThrow(NotInstalledError);
    expect(() => findProgram('prometheus')).toThrow(
      'prometheus is not installed: apt-get install prometheus (Debian), or put it into the PATH',
    );
  });
});
