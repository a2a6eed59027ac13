import { readArguments } from '../src/arguments.ts';
import {
  applianceEnvironment,
  clientEnvironment,
  parseOverride,
  variableName,
} from '../src/cluster/environment.ts';
import { findMember, layOut } from '../src/layout.ts';
import type { MemberPlace } from '../src/layout.ts';

const settings = {
  dataFolder: 'data',
  faultsFile: 'faults.json',
  logLevel: 'warn',
  publisherRate: 5,
  overrides: [],
};

describe('where members are', () => {
  test('seven addresses, the same ports; the client apart', () => {
    const { members, client } = layOut(7, true);
    expect(members.map(({ host }) => host)).toEqual(
      [55, 56, 57, 58, 59, 60, 61].map((last) => `127.0.0.${last}`),
    );
    expect(new Set(members.map(({ mqttPort }) => mqttPort))).toEqual(new Set([1883]));
    expect(client.host).toBe('127.0.0.140');
  });

  test('with one address no two listeners share a port', () => {
    const layout = layOut(7, false);
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

  test('a member is found by number, id and address', () => {
    const layout = layOut(7, true);
    for (const name of ['3', 'm3', '127.0.0.57', '127.0.0.57:1883']) {
      expect(findMember(layout, name).id).toBe('m3');
    }
    expect(() => findMember(layout, 'm8')).toThrow('no member "m8"');
  });
});

describe('what an appliance is told', () => {
  const layout = layOut(3, true);
  const second = layout.members[1] as MemberPlace;

  test('its own address, and its peers behind the links', () => {
    const environment = applianceEnvironment(layout, second, settings);
    expect(environment).toMatchObject({
      MQTT_CLUSTER_ID: 'm2',
      MQTT_CLUSTER_HOST: '127.0.0.56',
      MQTT_CLUSTER_PEERS: 'm1=127.0.0.56:17901,m2=127.0.0.56:7883,m3=127.0.0.56:17903',
      MQTT_CLUSTER_URLS: 'm1=mqtt://127.0.0.55:1883,m2=mqtt://127.0.0.56:1883,m3=mqtt://127.0.0.57:1883',
      MQTT_CLUSTER_PUBLISHER_RATE: '5',
      MQTT_CLUSTER_WHEN_ISOLATED: 'accept',
    });
  });

  test('--set wins', () => {
    expect(variableName('log.level')).toBe('MQTT_CLUSTER_LOG_LEVEL');
    expect(variableName('when-isolated')).toBe('MQTT_CLUSTER_WHEN_ISOLATED');
    const overrides = [parseOverride('whenIsolated=hold'), parseOverride('timings.heartbeatMs=200')];
    expect(applianceEnvironment(layout, second, { ...settings, overrides })).toMatchObject({
      MQTT_CLUSTER_WHEN_ISOLATED: 'hold',
      MQTT_CLUSTER_TIMINGS_HEARTBEAT_MS: '200',
    });
    expect(() => parseOverride('nonsense')).toThrow('expected key=value');
  });

  test('the client is told where it is and all members', () => {
    expect(clientEnvironment(layout, 'info')).toMatchObject({ MQTT_CLIENT_HTTP_HOST: '127.0.0.140' });
  });
});

describe('the command line', () => {
  test('has defaults', () => {
    expect(readArguments([])).toMatchObject({
      command: 'start',
      members: 7,
      forMs: 30_000,
      rate: 50,
      json: false,
      gapsJudged: true,
    });
    expect(readArguments(['run', '--gaps', 'shown']).gapsJudged).toBe(false);
  });

  test.each([
    [['up', '--members', '8'], '--members must be a whole number from 1 to 7'],
    [['up', '--members', 'x'], '--members must be a whole number from 1 to 7'],
    [['run', '--for', 'long'], '"long" is no duration'],
    [['run', '--gaps', 'no'], '--gaps must be judged or shown'],
    [['up', '--set', 'x'], 'expected key=value'],
    [['up', '--wrong'], "Unknown option '--wrong'"],
  ])('%j is refused in one line', (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
  });
});
