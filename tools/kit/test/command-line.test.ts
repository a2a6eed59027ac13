import {
  CommandLine,
  duration,
  HelpRequested,
  listOf,
  oneOf,
  repeated,
  UsageError,
  wholeNumber,
} from '../src/index.ts';

interface Options {
  readonly count: number;
  readonly time: number;
  readonly word?: string;
  readonly list?: readonly number[];
  readonly set?: readonly string[];
  readonly dir?: string;
}

/** A program with two commands; `read` returns the command that ran and its options. */
function read(...argv: string[]): { readonly command: string; readonly options: Options } {
  let result: { command: string; options: Options } | null = null;
  const run = (command: string) => () => {
    result = { command, options: program.opts<Options>() };
  };
  const program = new CommandLine('tool')
    .description('a tool')
    .option('-c, --count <N>', 'how many', wholeNumber(1, 7), 7)
    .option('--time <TIME>', 'how long', duration('1s', '2h'), 30_000)
    .option('--word <WORD>', 'which', oneOf('red', 'green', 'blue'))
    .option('--list <N,...>', 'several', listOf(wholeNumber(0, 9)))
    .option(
      '--set <key=value>',
      'again and again',
      repeated((text) => text),
    )
    .option('--dir <D>', 'a folder')
    .action(run('default'));
  program.command('up').description('starts').action(run('up'));
  program.command('daemon', { hidden: true }).action(run('daemon'));
  program.read(argv);
  if (result === null) throw new Error('no command ran');
  return result;
}

describe('CommandLine', () => {
  it('runs the default action with the default values when there are no arguments', () => {
    expect(read()).toEqual({ command: 'default', options: { count: 7, time: 30_000 } });
  });

  it('reads options before and after the command', () => {
    const argv = ['--count', '3', 'up', '--time=2.5m', '--list', '1, 2', '--set', 'a=1', '--set', 'b=--2'];
    expect(read(...argv)).toEqual({
      command: 'up',
      options: { count: 3, time: 150_000, list: [1, 2], set: ['a=1', 'b=--2'] },
    });
  });

  it.each([
    [['--count', '8'], '--count must be a whole number from 1 to 7, not "8"; see "tool --help"'],
    [['-c', 'x'], '--count must be a whole number from 1 to 7, not "x"; see "tool --help"'],
    [['--count', ''], '--count must be a whole number from 1 to 7, not ""; see "tool --help"'],
    [
      ['--time', '3h'],
      '--time must be a duration from 1s to 2h (for example 500ms, 30s, 5m, 1h), not "3h"; see "tool --help"',
    ],
    [['--word', 'rde'], '--word must be red, green or blue, not "rde"; see "tool --help"'],
    [['--list', '1,x'], '--list must be a whole number from 0 to 9, not "1,x"; see "tool --help"'],
    [['--dir', '--count', '3'], '--dir needs a value, not "--count"; see "tool --help"'],
    [['--dir'], `option '--dir <D>' argument missing; see "tool --help"`],
    [['--cuont', '3'], `unknown option '--cuont' (Did you mean --count?); see "tool --help"`],
    [['pu'], 'unknown command "pu" (commands: up); see "tool --help"'],
    [['up', 'now'], 'unexpected argument "now"; see "tool up --help"'],
  ])('rejects %j with one line that names the mistake and the right form', (argv, message) => {
    const reading = (): unknown => read(...argv);
    expect(reading).toThrow(UsageError);
    expect(reading).toThrow(new UsageError(message));
  });

  it.each([[['--help']], [['up', '-h']], [['--nonsense', '--help']]])(
    'returns the help text for %j',
    (argv) => {
      const reading = (): unknown => read(...argv);
      expect(reading).toThrow(HelpRequested);
      try {
        reading();
      } catch (error) {
        expect((error as HelpRequested).text).toMatch(/^Usage: tool/);
      }
    },
  );
});
