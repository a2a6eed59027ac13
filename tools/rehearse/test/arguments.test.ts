import { describe, expect, test } from '@jest/globals';
import { readArguments } from '../src/arguments.ts';
import { stepNames } from '../src/rehearsal.ts';

describe('readArguments', () => {
  test('selects all steps in the order of execution by default', () => {
    expect(readArguments([])).toMatchObject({ command: 'run', only: stepNames, keep: false });
  });

  test('sorts the given steps by the order of execution', () => {
    expect(readArguments(['--only', 'rollback,deploy']).only).toEqual(['deploy', 'rollback']);
  });

  test.each([
    [['--only', 'deploi'], 'unknown step "deploi"'],
    [['fly'], 'unknown command "fly"'],
    [['kill', 'h57'], '"h57" is not a host'],
    [['--fast'], '--fast'],
    [['--bed', '../x'], '--bed must be 1 to 16 characters'],
  ])('rejects %j with an error message of one line', (argv, sentence) => {
    expect(() => readArguments(argv)).toThrow(sentence);
  });

  test('selects a different default folder for each name of a test bed', () => {
    expect(readArguments([])).toMatchObject({
      bed: 'rehearsal',
      directory: '/var/tmp/mqtt-cluster-rehearsal',
    });
    expect(readArguments(['--bed', 'second'])).toMatchObject({ directory: '/var/tmp/mqtt-cluster-second' });
    expect(readArguments(['--bed', 'second', '--directory', '/d'])).toMatchObject({ directory: '/d' });
  });

  test('returns the words after `ssh HOST` as the command line to run on the host', () => {
    expect(readArguments(['ssh', '57', 'uptime', 'now'])).toMatchObject({
      hosts: [57],
      words: ['uptime', 'now'],
    });
  });
});
