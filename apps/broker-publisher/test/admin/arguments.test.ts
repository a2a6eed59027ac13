import { adminCommandLineNames, parseArguments, parseSettings } from '../../src/admin/arguments.ts';

function help(...argv: readonly string[]): string {
  const parsed = parseArguments(argv);
  return 'help' in parsed ? parsed.help : '';
}

test('parseArguments parses a command with its operands and options', () => {
  expect(parseArguments(['health', '--stop', 'b', '--json'])).toEqual({
    command: 'health',
    operands: [],
    options: { stop: 'b', json: true, wait: 60 },
  });
  expect(parseArguments(['drain', '--no-exit', '--wait', '5'])).toMatchObject({
    options: { exit: false, wait: 5 },
  });
  expect(parseArguments(['remove', 'c', '--force'])).toMatchObject({
    operands: ['c'],
    options: { force: true },
  });
  expect(parseArguments(['settings', 'a=1', 'b=2'])).toMatchObject({ operands: ['a=1', 'b=2'] });
});

test('parseArguments accepts --url, --token-file and --json before or after the command', () => {
  const options = { url: 'http://h:1', tokenFile: 'token', json: true };
  expect(
    parseArguments(['--url', 'http://h:1', '--json', 'transfer', 'b', '--token-file=token']),
  ).toMatchObject({
    command: 'transfer',
    operands: ['b'],
    options,
  });
});

test.each([
  [[], /a command is missing; the commands are status, health/],
  [['fly'], /"fly" is not a command/],
  [['__proto__'], /is not a command/],
  [['add'], /missing required argument 'ID'/],
  [['remove', 'a', 'b'], /too many arguments for 'remove'/],
  [['status', '--fast'], /unknown option '--fast'/],
  [['drain', '--wait', 'long'], /'long' is invalid. It must be a whole number of seconds/],
  [['status', '--url', '--json'], /--url.*the value is missing/],
])('parseArguments rejects the arguments %j with a one-line message about the error', (argv, message) => {
  let thrown: unknown;
  try {
    parseArguments(argv);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) });
  expect((thrown as Error).message).not.toContain('\n');
});

test.each([
  [['users'], 'users: a command is missing; the commands are list, add, set, passwd, remove, import'],
  [['rules'], 'rules: a command is missing; the commands are check, show, set'],
  [['rules', 'set'], "missing required argument 'FILE'"],
  [['users', 'delete', 'alice'], 'users: "delete" is not a command'],
  [['users', 'add'], "missing required argument 'NAME'"],
  [['users', 'add', 'alice', 'secret'], 'too many arguments'],
  [['users', 'add', 'alice', '--password', 'secret'], "unknown option '--password'"],
  [['users', 'add', 'alice', '--role', 'root'], "option '--role <ROLE>' argument 'root' is invalid"],
])('the command line %j is refused', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message);
});

test('a command of users has both words, and the options of the program may stand anywhere', () => {
  const parsed = parseArguments(['users', 'set', 'alice', '--groups', 'a,b', '--disable', '--json']);
  expect(parsed).toMatchObject({
    command: 'users set',
    operands: ['alice'],
    options: { groups: 'a,b', disable: true, json: true },
  });
});

test('parseSettings returns a value that consists of digits as a number', () => {
  expect(parseSettings(['queuedMessagesMax=5', 'queueFull=refuse'])).toEqual({
    queuedMessagesMax: 5,
    queueFull: 'refuse',
  });
  expect(() => parseSettings(['queueFull'])).toThrow(/NAME=VALUE/);
});

test('the help of the program and of its commands lists every command and option and fits the width of a terminal', () => {
  const { commands, options } = adminCommandLineNames();
  const overview = help('--help');
  for (const command of commands) {
    const words = command.split(' ');
    const [name] = words.slice(-1);
    const page = words.length === 1 ? overview : help(...words.slice(0, -1), '--help');
    expect(page).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  }
  const pages = [overview, ...commands.map((command) => help(...command.split(' '), '-h'))];
  for (const option of options) expect(pages.join('\n')).toContain(`--${option}`);
  const widths = pages.flatMap((page) => page.split('\n').map((line) => line.length));
  expect(Math.max(...widths)).toBeLessThanOrEqual(130);
});
