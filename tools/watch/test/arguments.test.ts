import { readArguments } from '../src/index.ts';

describe('the command line of watch', () => {
  it('has a default for every option', () => {
    expect(readArguments([])).toEqual({
      help: false,
      check: false,
      members: 7,
      rate: 5,
      loadMs: 10_000,
      folder: '.lab/watch',
    });
  });

  it('reads every option', () => {
    const given = ['--check', '--members', '3', '--rate', '20', '--for', '5s', '--dir', 'x'];
    expect(readArguments(given)).toMatchObject({
      check: true,
      members: 3,
      rate: 20,
      loadMs: 5_000,
      folder: 'x',
    });
  });

  it.each([
    [['--members', '8'], '--members must be a whole number from 1 to 7, not "8"'],
    [['--check', '--members', '2'], '--members must be a whole number from 3 to 7, not "2"'],
    [['--rate', ''], '--rate must be a whole number from 1 to 1000, not ""'],
    [['--for', '5m'], '--for must be whole seconds such as 20s, not "5m"'],
    [['now'], '"now" is not an argument of watch; "--help" lists the options'],
    [['--nonsense'], 'Unknown option \'--nonsense\'; "--help" lists the options'],
  ])('rejects %j with a message of one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
  });
});
