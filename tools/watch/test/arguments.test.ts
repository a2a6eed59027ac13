import { HelpRequested } from '@mqtt-cluster/kit';
import { readArguments } from '../src/index.ts';

describe('the command line of watch', () => {
  it('has a default for every option', () => {
    expect(readArguments([])).toEqual({
      check: false,
      members: 7,
      rate: 5,
      loadMs: 10_000,
      folder: '.lab/watch',
      pictures: null,
    });
  });

  it('accepts every option', () => {
    const given = [
      '--check',
      '--members',
      '3',
      '--rate',
      '20',
      '--for',
      '5s',
      '--dir',
      'x',
      '--pictures',
      'y',
    ];
    const expected = { check: true, members: 3, rate: 20, loadMs: 5_000, folder: 'x', pictures: 'y' };
    expect(readArguments(given)).toEqual(expected);
  });

  it.each([
    [['--members', '8'], '--members must be a whole number from 1 to 7, not "8"'],
    [['--check', '--members', '2'], '--check needs --members 3 to 7, not 2'],
    [['--rate', ''], '--rate must be a whole number from 1 to 1000, not ""'],
    [['--for', '11m'], '--for must be a duration from 1s to 10m (for example 500ms, 30s, 5m, 1h), not "11m"'],
    [['now'], 'unexpected argument "now"; see "watch --help"'],
    [['--nonsense'], `unknown option '--nonsense'; see "watch --help"`],
  ])('is rejected for %j with an error message of one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
  });

  it('throws HelpRequested for --help', () => {
    expect(() => readArguments(['--help'])).toThrow(HelpRequested);
  });
});
