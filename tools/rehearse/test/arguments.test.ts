import { describe, expect, test } from '@jest/globals';
import { readArguments } from '../src/arguments.ts';
import { stepNames } from '../src/rehearsal.ts';

describe('arguments', () => {
  test('nothing means all steps, in their order', () => {
    expect(readArguments([])).toMatchObject({ command: 'run', only: stepNames, keep: false });
  });

  test('steps are run in their order, however they were named', () => {
    expect(readArguments(['--only', 'rollback,deploy']).only).toEqual(['deploy', 'rollback']);
  });

  test.each([
    [['--only', 'deploi'], '"deploi" is no step'],
    [['fly'], '"fly" is no command'],
    [['kill', 'h57'], '"h57" is no host'],
    [['--fast'], '--fast'],
    [['--bed', '../x'], '--bed ../x: a name has 1 to 16'],
  ])('%j is refused in one line', (argv, sentence) => {
    expect(() => readArguments(argv)).toThrow(sentence);
  });

  test('a bed of another name keeps its things elsewhere', () => {
    expect(readArguments([])).toMatchObject({
      bed: 'rehearsal',
      directory: '/var/tmp/mqtt-cluster-rehearsal',
    });
    expect(readArguments(['--bed', 'second'])).toMatchObject({ directory: '/var/tmp/mqtt-cluster-second' });
    expect(readArguments(['--bed', 'second', '--directory', '/d'])).toMatchObject({ directory: '/d' });
  });

  test('the words after a host are its command', () => {
    expect(readArguments(['ssh', '57', 'uptime', 'now'])).toMatchObject({
      hosts: [57],
      words: ['uptime', 'now'],
    });
  });
});
