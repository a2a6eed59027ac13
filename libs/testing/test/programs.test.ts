import { jest } from '@jest/globals';
import { requiring } from '../src/index.ts';

describe('requiring', () => {
  const path = process.env['PATH'];
  afterEach(() => {
    process.env['PATH'] = path;
    jest.restoreAllMocks();
  });

  it('skips a describe block if a program is missing, and adds the command that installs the program to the name of the block', () => {
    const skip = jest.spyOn(describe, 'skip').mockImplementation(() => undefined);
    process.env['PATH'] = '/nowhere';
    const tests = (): void => undefined;
    requiring('amtool', 'promtool')('routes', tests);
    const name = 'routes [amtool and promtool missing: apt-get install prometheus-alertmanager prometheus]';
    expect(skip).toHaveBeenCalledWith(name, tests);
    requiring('node-red', 'haproxy')('flows', tests);
    expect(skip).toHaveBeenCalledWith(
      'flows [node-red and haproxy missing: apt-get install haproxy; npm install --global node-red]',
      tests,
    );
  });
});
