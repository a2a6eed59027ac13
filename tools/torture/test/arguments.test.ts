import { HelpRequested } from '@mqtt-cluster/kit';
import { readArguments } from '../src/arguments.ts';
import { scenarios } from '../src/scenarios/scenarios.ts';

describe('readArguments', () => {
  it('selects the scenario mixed on a lab of seven members by default', () => {
    const given = readArguments([]);
    expect(given.command).toBe('run');
    expect(given.scenarios.map(({ name }) => name)).toEqual(['mixed']);
    expect(given).toMatchObject({ target: 'lab', members: 7, seed: 1, messages: null, secure: false });
  });

  it('returns the scenarios, times, settings and brokers of the command line', () => {
    const given = readArguments([
      ...['--scenario', 'kill-one,wipe', '--for', '2m', '--seed', '9', '--set', 'log.level=debug'],
      ...['--set', 'publisher.group=a=b', '--rate', '50', '--keep', '--json'],
    ]);
    expect(given.scenarios.map(({ name }) => name)).toEqual(['kill-one', 'wipe']);
    expect(given).toMatchObject({ forMs: 120_000, seed: 9, rate: 50, keep: true, json: true });
    expect(given.overrides).toEqual([
      ['log.level', 'debug'],
      ['publisher.group', 'a=b'],
    ]);
    const elsewhere = readArguments(['--brokers', '10.0.0.1:1883,[::1]:1884']);
    expect(elsewhere.target).toBe('brokers');
    expect(elsewhere.brokers.map(({ host, port }) => [host, port])).toEqual([
      ['10.0.0.1', 1883],
      ['::1', 1884],
    ]);
  });

  it('selects three brokers for --target nats, and every scenario for --scenario all', () => {
    expect(readArguments(['--target', 'nats']).members).toBe(3);
    const names = readArguments(['--scenario', 'all']).scenarios.map(({ name }) => name);
    expect(names).toEqual(scenarios.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    [['--scenario', 'kill-tow'], 'unknown scenario "kill-tow"; --list prints all scenarios'],
    [['--seed', 'x'], '--seed must be a whole number from 0 to 2147483647, not "x"'],
    [['--rate', ''], '--rate must be a whole number from 1 to 5000, not ""'],
    [['--members', '8'], '--members must be a whole number from 1 to 7, not "8"'],
    [['--for', '0s'], '--for must be a duration from 1s to 168h (for example 500ms, 30s, 5m, 1h), not "0s"'],
    [
      ['--for', 'soon'],
      '--for must be a duration from 1s to 168h (for example 500ms, 30s, 5m, 1h), not "soon"',
    ],
    [
      ['--for', '1m', '--messages', '5'],
      '--for and --messages exclude each other: both set the end of a scenario',
    ],
    [['--target', 'emqx'], '--target must be lab, mosquitto, nats or rabbitmq, not "emqx"'],
    [['--brokers', 'host'], '--brokers must be a list of host:port, and "host" is not host:port'],
    [['--brokers', 'a:1', '--target', 'lab'], '--brokers and --target exclude each other'],
    [['--set', 'x'], 'key=value'],
    [['--target', 'nats', '--set', 'a=b'], '--set is for --target lab only'],
    [['--target', 'nats', '--secure'], '--secure is for --target lab only'],
    [
      ['--secure', '--scenario', 'rolling-update', '--from', 'HEAD'],
      '--secure and --from exclude each other',
    ],
    [['--frobnicate'], "unknown option '--frobnicate'"],
  ])('rejects the command line %j with a message of one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
    expect(message).not.toContain('\n');
  });

  it('throws a help text that describes every option if --help is given', () => {
    let text = '';
    try {
      readArguments(['--help']);
    } catch (error) {
      text = error instanceof HelpRequested ? error.text : '';
    }
    const options = ['scenario', 'from', 'seed', 'for', 'messages', 'rate', 'members', 'target', 'brokers'];
    for (const name of [...options, 'set', 'secure', 'history', 'keep', 'recheck', 'json', 'list'])
      expect(text).toContain(`--${name}`);
  });
});
