import { UsageError } from '@mqtt-cluster/lab';
import { readArguments } from '../src/arguments.ts';

test('without arguments everything is compared', () => {
  expect(readArguments([])).toMatchObject({
    command: 'compare',
    qos: null,
    session: null,
    runs: 3,
    seconds: 10,
  });
});

test('idle has its own length', () => {
  expect(readArguments(['idle', '--members', '3'])).toMatchObject({
    command: 'idle',
    members: 3,
    seconds: 30,
  });
});

test('failover measures a quarter as many silent hosts as kills, if not told otherwise', () => {
  expect(readArguments(['failover', '--kills', '20'])).toMatchObject({
    command: 'failover',
    kills: 20,
    silent: 5,
    rate: 200,
    seed: 1,
    out: null,
  });
  expect(readArguments(['failover', '--silent', '0']).silent).toBe(0);
});

test.each([
  [['failover', '--rate', '0'], '--rate'],
  [['failover', '--kills', 'many'], '--kills'],
  [['--rate', ''], '--rate'],
  [['nonsense'], 'nonsense'],
  [['--qos', '3'], '--qos "3"'],
  [['--seconds', '0'], '--seconds'],
  [['--session', 'both'], '--session'],
  [['--no-such'], '--no-such'],
])('%j is refused by name', (argv, named) => {
  expect(() => readArguments(argv)).toThrow(UsageError);
  expect(() => readArguments(argv)).toThrow(named);
});
