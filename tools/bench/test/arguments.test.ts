import { HelpRequested, UsageError } from '@mqtt-cluster/kit';
import { readArguments } from '../src/arguments.ts';

test('without arguments, readArguments selects the comparison of all targets', () => {
  expect(readArguments([])).toEqual({
    command: 'compare',
    targets: ['ours', 'mosquitto', 'ours3', 'nats3', 'nats3sync'],
    qos: null,
    session: null,
    publishers: 4,
    subscribers: 4,
    size: 64,
    seconds: 10,
    runs: 3,
    rate: 0,
    window: 100,
    members: 7,
    sizes: [1, 3, 7],
    rates: [10, 100, 1_000, 0],
    clients: 10_000,
    connected: 2_000,
    retained: 100_000,
    messages: 100_000,
    kills: 200,
    silent: 50,
    seed: 1,
    only: null,
    tls: false,
    list: false,
    forMs: 15_000,
    afterMs: 30_000,
    mebibytes: 512,
    unguarded: false,
    set: [],
    profile: null,
    out: null,
    json: false,
  });
});

test('readArguments reads the options of compare with and without the word compare', () => {
  const options = ['--targets', 'ours,ours3', '--qos', '0,2', '--session', 'clean', '--json'];
  const expected = { targets: ['ours', 'ours3'], qos: [0, 2], session: 'clean', json: true };
  expect(readArguments(options)).toMatchObject(expected);
  expect(readArguments(['compare', ...options])).toMatchObject(expected);
});

test('--tls measures one member with TLS beside one without, and excludes --targets', () => {
  const { targets, qos } = readArguments(['--qos', '1', '--tls']);
  expect([targets, qos]).toEqual([['ours', 'ours-tls'], [1]]);
  expect(() => readArguments(['--tls', '--targets', 'ours'])).toThrow(
    '--tls and --targets exclude each other',
  );
});

test('by default, the command idle measures for 60 s and the command scrape measures one member', () => {
  expect(readArguments(['idle', '--members', '3'])).toMatchObject({
    members: 3,
    seconds: 60,
    afterMs: 30_000,
  });
  expect(readArguments(['idle', '--after', '5m'])).toMatchObject({ afterMs: 300_000 });
  expect(readArguments(['scrape', '--json'])).toMatchObject({ members: 1, clients: 10_000, json: true });
});

test('--quick selects the short comparison of everything, and rows selects single rows', () => {
  expect(readArguments(['--quick', '--json'])).toMatchObject({ command: 'quick', json: true });
  expect(readArguments(['rows', '--only', 'queue,connect', '--messages', '5000'])).toMatchObject({
    command: 'rows',
    only: ['queue', 'connect'],
    messages: 5_000,
    clients: 4_000,
  });
  expect(() => readArguments(['rows', '--only', 'speed'])).toThrow('speed');
});

test('by default, the command low-rate measures 1, 3 and 7 members with 100 messages a second', () => {
  expect(readArguments(['low-rate'])).toMatchObject({
    sizes: [1, 3, 7],
    rate: 100,
    seconds: 20,
    publishers: 0,
  });
  const options = ['--members', '3,5', '--rate', '0', '--publishers', '1', '--profile', 'profiles', '--json'];
  const expected = { sizes: [3, 5], rate: 0, publishers: 1, profile: 'profiles', json: true };
  expect(readArguments(['low-rate', ...options])).toMatchObject(expected);
  expect(() => readArguments(['low-rate', '--members', '3,8'])).toThrow(UsageError);
});

test('by default, the command failover runs a quarter as many rounds with a silent host as rounds with a kill', () => {
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

test('the command hostile gives settings to every member', () => {
  const settings = ['--set', 'limits.clients.publishBytesPerSecondMax=2000000', '--set', 'log.level=warn'];
  expect(readArguments(['hostile', '--only', 'queue-bytes', ...settings])).toMatchObject({
    command: 'hostile',
    only: ['queue-bytes'],
    set: [
      ['limits.clients.publishBytesPerSecondMax', '2000000'],
      ['log.level', 'warn'],
    ],
  });
  expect(() => readArguments(['hostile', '--set', 'log.level'])).toThrow(UsageError);
});

test('by default, the command lists measures 10,000 sessions and 100,000 retained messages at three members', () => {
  expect(readArguments(['lists'])).toMatchObject({
    command: 'lists',
    members: 3,
    clients: 10_000,
    connected: 2_000,
    retained: 100_000,
    forMs: 30_000,
    out: null,
  });
});

test.each([
  [['failover', '--rate', '0'], '--rate must be a whole number from 1 to 1000, not "0"'],
  [['failover', '--kills', 'many'], '--kills must be a whole number from 0 to 10000, not "many"'],
  [['--rate', ''], '--rate must be a whole number from 0 to 10000000, not ""'],
  [
    ['nonsense'],
    'unexpected argument "nonsense" (commands: compare, idle, low-rate, sweep, rows, scrape, failover, hostile, lists, memory, link)',
  ],
  [['--qos', '3'], '--qos must be 0, 1 or 2, not "3"'],
  [['--seconds', '0'], '--seconds must be a whole number from 1 to 3600, not "0"'],
  [['--session', 'both'], '--session must be clean or persistent, not "both"'],
  [['idle', '--runs', '3'], `unknown option '--runs'`],
  [['lists', '--clients', '100'], '--connected 2000 is more than --clients 100'],
  [['lists', '--members', '1'], '--members must be a whole number from 3 to 7, not "1"'],
  [['--no-such'], `unknown option '--no-such'`],
])('readArguments rejects %j with an error that contains the wrong argument', (argv, message) => {
  expect(() => readArguments(argv)).toThrow(UsageError);
  expect(() => readArguments(argv)).toThrow(message);
});

test('with --help, readArguments throws HelpRequested for the program and for its commands', () => {
  for (const argv of [['--help'], ['compare', '--help'], ['failover', '-h']]) {
    expect(() => readArguments(argv)).toThrow(HelpRequested);
  }
});
