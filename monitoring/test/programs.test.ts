import { findProgram, NotInstalledError } from '../src/index.ts';

describe('programs that monitoring needs', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
  });

  it('are found where they are installed', () => {
    process.env['PATH'] = `/nowhere:${path ?? ''}`;
    expect(findProgram('promtool')).toMatch(/^\/.*\/promtool$/);
  });

  it('are named with what to install where they are not', () => {
    process.env['PATH'] = '/nowhere';
    expect(() => findProgram('prometheus')).toThrow(NotInstalledError);
    expect(() => findProgram('prometheus')).toThrow(
      'prometheus is not installed: apt-get install prometheus (Debian), or put it into the PATH',
    );
  });
});
