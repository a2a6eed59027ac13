import { readArguments, readSettings, usage } from '../../src/admin/arguments.ts';

test('commands with their options', () => {
  expect(readArguments(['health', '--stop', 'b', '--json'])).toMatchObject({
    command: 'health',
    stop: 'b',
    json: true,
  });
  expect(readArguments(['drain', '--no-exit', '--wait', '5'])).toMatchObject({ exit: false, waitSeconds: 5 });
  expect(readArguments(['remove', 'c', '--force'])).toMatchObject({ rest: ['c'], force: true });
  expect(readArguments(['-h']).help).toBe(true);
});

test.each([
  [[], /a command is missing/],
  [['fly'], /"fly" is no command/],
  [['__proto__'], /is no command/],
  [['add'], /something is missing/],
  [['remove', 'a', 'b'], /"b" is too much/],
  [['status', '--fast'], /--fast/],
  [['drain', '--wait', 'long'], /--wait: "long"/],
])('%j is refused in one line', (words, message) => {
  let thrown: unknown;
  try {
    readArguments(words);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) });
  expect((thrown as Error).message).not.toContain('\n');
});

test('settings are numbers where they look like it', () => {
  expect(readSettings(['queuedMessagesMax=5', 'queueFull=refuse'])).toEqual({
    queuedMessagesMax: 5,
    queueFull: 'refuse',
  });
  expect(() => readSettings(['queueFull'])).toThrow(/NAME=VALUE/);
});

test('the help fits a terminal', () => {
  expect(Math.max(...usage.split('\n').map((line) => line.length))).toBeLessThanOrEqual(130);
});
