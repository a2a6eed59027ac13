import {
  CommandLine,
  duration,
  HelpRequested,
  listOf,
  oneOf,
  parseDuration,
  readCommandLine,
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

interface Result {
  readonly command: string;
  readonly options: Options;
}

/** Returns a command line with a default action and two commands. Each action reports its command and the options. */
function build(report: (result: Result) => void): CommandLine {
  const run = (command: string) => () => report({ command, options: program.opts<Options>() });
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
  program.command('up').description('starts').option('--fast', 'hurries').action(run('up'));
  program.command('daemon', { hidden: true }).action(run('daemon'));
  return program;
}

const read = (...argv: string[]): Result => readCommandLine(argv, build);
const helpOf = (...argv: string[]): string => {
  try {
    return read(...argv).command;
  } catch (error) {
    if (error instanceof HelpRequested) return error.text;
    throw error;
  }
};

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
    [['up', 'now'], 'unexpected argument "now" (commands: up); see "tool up --help"'],
  ])('rejects %j with one line that contains the wrong argument and the right form', (argv, message) => {
    const reading = (): unknown => read(...argv);
    expect(reading).toThrow(UsageError);
    expect(reading).toThrow(new UsageError(message));
  });

  it('with --help, throws the help of the program including the options of its commands; after a command name, throws the help of that command', () => {
    expect(helpOf('--help')).toMatch(/^Usage: tool .*Options of "tool up":\n  --fast  hurries\n$/s);
    expect(helpOf('--nonsense', '-h')).toBe(helpOf('--help'));
    expect(helpOf('--help')).not.toContain('daemon');
    expect(helpOf('up', '--help')).toMatch(/^Usage: tool up .*--fast/s);
  });
});

test('parseDuration accepts units and counts a bare number in seconds', () => {
  const texts = ['250ms', '1.5s', '2m', '1h', '7d', '3'];
  expect(texts.map(parseDuration)).toEqual([250, 1_500, 120_000, 3_600_000, 604_800_000, 3_000]);
  expect(['', 'x', '-1s', '1w', 's'].map(parseDuration)).toEqual([null, null, null, null, null]);
});
