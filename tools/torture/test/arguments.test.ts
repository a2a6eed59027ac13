import { readArguments, usage } from '../src/arguments.ts';
import { scenarios } from '../src/scenarios/scenarios.ts';

describe('arguments', () => {
  it('runs all faults mixed on a lab of seven when nothing is said', () => {
    const given = readArguments([]);
    expect(given.command).toBe('run');
    expect(given.scenarios.map(({ name }) => name)).toEqual(['mixed']);
    expect(given).toMatchObject({ target: 'lab', members: 7, seed: 1, messages: null });
  });

  it('reads scenarios, times, settings and brokers', () => {
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

  it('takes three brokers of a peer and knows every scenario by its name', () => {
    expect(readArguments(['--target', 'nats']).members).toBe(3);
    const names = readArguments(['--scenario', 'all']).scenarios.map(({ name }) => name);
    expect(names).toEqual(scenarios.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    [['--scenario', 'kill-tow'], 'no scenario "kill-tow"; --list tells them all'],
    [['--seed', 'x'], '--seed must be a whole number from 0 to 2147483647, not "x"'],
    [['--rate', ''], '--rate must be a whole number from 1 to 5000, not ""'],
    [['--members', '8'], '--members must be a whole number from 1 to 7, not "8"'],
    [['--for', '0s'], '--for "0s" is no time from 1s to 168h (examples: 30s, 5m, 1h)'],
    [['--for', 'soon'], '--for "soon" is no time from 1s to 168h (examples: 30s, 5m, 1h)'],
    [['--for', '1m', '--messages', '5'], '--for and --messages both say when to end: give one of them'],
    [['--target', 'emqx'], '--target is lab, mosquitto, nats, rabbitmq, not "emqx"'],
    [['--brokers', 'host'], '--brokers: "host" is not host:port'],
    [['--brokers', 'a:1', '--target', 'lab'], '--brokers and --target exclude each other'],
    [['--set', 'x'], '--set x: expected key=value'],
    [['--target', 'nats', '--set', 'a=b'], '--set is for --target lab only'],
    [['--frobnicate'], "Unknown option '--frobnicate'"],
  ])('refuses %j in one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
    expect(message).not.toContain('\n');
  });

  it('names every option in the help', () => {
    const options = ['scenario', 'seed', 'for', 'messages', 'rate', 'members', 'target', 'brokers', 'set'];
    for (const name of [...options, 'history', 'keep', 'recheck', 'json', 'list']) {
      expect(usage).toContain(`--${name}`);
    }
  });
});
