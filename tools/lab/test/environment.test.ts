import { resolve } from 'node:path';
import { readArguments } from '../src/arguments.ts';
import {
  anonymousWarning,
  applianceEnvironment,
  clientEnvironment,
  parseOverride,
  variableName,
} from '../src/cluster/environment.ts';
import { findMember, makeLayout } from '../src/layout.ts';
import type { MemberPlace } from '../src/layout.ts';

const settings = {
  dataFolder: 'data',
  faultsFile: 'faults.json',
  logLevel: 'warn',
  publisherRate: 5,
  site: 'a',
  overrides: [],
  security: null,
};

describe('the layout of a lab:', () => {
  test('makeLayout gives seven members seven addresses with the same ports, and the client another address', () => {
    const { members, client } = makeLayout(7, true);
    expect(members.map(({ host }) => host)).toEqual(
      [55, 56, 57, 58, 59, 60, 61].map((last) => `127.0.0.${last}`),
    );
    expect(new Set(members.map(({ mqttPort }) => mqttPort))).toEqual(new Set([1883]));
    expect(client.host).toBe('127.0.0.140');
  });

  test('makeLayout gives each listener its own port when only one loopback address works', () => {
    const layout = makeLayout(7, false);
    const ports = layout.members.flatMap((from) => [
      from.mqttPort,
      from.httpPort,
      from.clusterPort,
      ...layout.members.filter((to) => to !== from).map((to) => layout.linkPort(from, to)),
    ]);
    ports.push(layout.client.httpPort);
    expect(new Set(ports).size).toBe(ports.length);
    expect(new Set(layout.members.map(({ host }) => host)).size).toBe(1);
  });

  test('findMember finds a member by number, id, address, and address with port', () => {
    const layout = makeLayout(7, true);
    for (const name of ['3', 'm3', '127.0.0.57', '127.0.0.57:1883']) {
      expect(findMember(layout, name).id).toBe('m3');
    }
    expect(() => findMember(layout, 'm8')).toThrow(
      'unknown member "m8" (members: m1, m2, m3, m4, m5, m6, m7)',
    );
  });
});

describe('the environment variables', () => {
  const layout = makeLayout(3, true);
  const second = layout.members[1] as MemberPlace;

  test('of a member contain its own cluster address, and the addresses of link proxies for its peers', () => {
    const environment = applianceEnvironment(layout, second, settings);
    expect(environment).toMatchObject({
      MQTT_CLUSTER_ID: 'm2',
      MQTT_CLUSTER_NAME: 'lab',
      MQTT_CLUSTER_HOST: '127.0.0.56',
      MQTT_CLUSTER_PEERS: 'm1=127.0.0.56:17901,m2=127.0.0.56:7883,m3=127.0.0.56:17903',
      MQTT_CLUSTER_URLS: 'm1=mqtt://127.0.0.55:1883,m2=mqtt://127.0.0.56:1883,m3=mqtt://127.0.0.57:1883',
      MQTT_CLUSTER_PUBLISHER_RATE: '5',
      MQTT_CLUSTER_WHEN_ISOLATED: 'accept',
    });
  });

  test('of a member of another site contain another name of the cluster, because links mark messages with it', () => {
    expect(applianceEnvironment(layout, second, { ...settings, site: 'b' })).toMatchObject({
      MQTT_CLUSTER_NAME: 'lab-b',
    });
  });

  test('of a member allow anonymous clients and a cluster port without TLS explicitly', () => {
    expect(applianceEnvironment(layout, second, settings)).toMatchObject({
      MQTT_CLUSTER_LAB: 'true',
      MQTT_CLUSTER_MQTT_ANONYMOUS: 'true',
    });
    expect(anonymousWarning({ overrides: [], secure: false })).toContain('ANONYMOUS');
    expect(anonymousWarning({ overrides: [['mqtt.anonymous', 'false']], secure: false })).toBe('');
  });

  test('of a member contain the settings of --set, which override all other settings', () => {
    expect(variableName('log.level')).toBe('MQTT_CLUSTER_LOG_LEVEL');
    expect(variableName('when-isolated')).toBe('MQTT_CLUSTER_WHEN_ISOLATED');
    const overrides = [parseOverride('whenIsolated=hold'), parseOverride('timings.heartbeatMs=200')];
    expect(applianceEnvironment(layout, second, { ...settings, overrides })).toMatchObject({
      MQTT_CLUSTER_WHEN_ISOLATED: 'hold',
      MQTT_CLUSTER_TIMINGS_HEARTBEAT_MS: '200',
    });
    expect(() => parseOverride('nonsense')).toThrow(
      '--set must be key=value (for example log.level=debug), not "nonsense"',
    );
  });

  test('of the client contain its HTTP address', () => {
    expect(clientEnvironment(layout, 'info', null)).toMatchObject({ MQTT_CLIENT_HTTP_HOST: '127.0.0.140' });
  });
});

describe('readArguments', () => {
  test('returns the default values of the options for `lab` and `lab run`', () => {
    expect(readArguments([])).toMatchObject({
      command: 'start',
      members: 7,
      forMs: 30_000,
      rate: 50,
      json: false,
      gapsJudged: true,
    });
    expect(readArguments(['run', '--gaps', 'shown'])).toMatchObject({ command: 'run', gapsJudged: false });
  });

  test('accepts the general options before and after the command', () => {
    const argv = [
      '--members',
      '3',
      'run',
      '--rate',
      '7',
      '--json',
      '--set',
      'a=b=c',
      '--dir',
      '/d',
      '--keep',
    ];
    expect(readArguments(argv)).toMatchObject({
      command: 'run',
      members: 3,
      rate: 7,
      json: true,
      overrides: [['a', 'b=c']],
      folder: '/d',
      folderGiven: true,
      keep: true,
    });
  });

  test('gives each site its own folder and port range, unless --dir and --ports name others', () => {
    expect(readArguments(['--site', 'a'])).toMatchObject({ folder: resolve('.lab'), portRange: null });
    expect(readArguments(['--site', 'c'])).toMatchObject({ folder: resolve('.lab-c'), portRange: 2 });
    expect(readArguments(['status', '--site', 'b'])).toMatchObject({ folder: resolve('.lab-b') });
    const given = readArguments(['up', '--site', 'b', '--dir', '/d', '--ports', '0']);
    expect(given).toMatchObject({ site: 'b', folder: '/d', portRange: 0 });
  });

  test('returns the words that follow `lab fault`', () => {
    const { command, rest } = readArguments(['fault', 'cut', '1', '2', '/', '3', '--dir', 'd']);
    expect([command, ...rest]).toEqual(['fault', 'cut', '1', '2', '/', '3']);
  });

  test.each([
    [['up', '--members', '8'], '--members must be a whole number from 1 to 7'],
    [['up', '--members', 'x'], '--members must be a whole number from 1 to 7'],
    [
      ['run', '--for', 'long'],
      '--for must be a duration from 0s to 7d (for example 500ms, 30s, 5m, 1h), not "long"',
    ],
    [['run', '--gaps', 'no'], '--gaps must be judged or shown'],
    [['up', '--set', 'x'], '--set must be key=value (for example log.level=debug), not "x"'],
    [['up', '--wrong'], `unknown option '--wrong'; see "lab up --help"`],
    [['up', '--rate', '5'], `unknown option '--rate'`],
    [['up', '--site', 'k'], '--site must be a letter from a to j, not "k"'],
    [['fault'], `missing required argument 'fault'`],
    [['explode'], 'unknown command "explode" (commands: start, up, fault, status, down, run)'],
  ])('rejects %j with an error message of one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
  });
});
