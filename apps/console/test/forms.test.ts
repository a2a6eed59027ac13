import { expect, test } from '@jest/globals';
import { FakeCluster } from './support/fake-cluster.ts';
import { parseSetting, settingText } from '../src/pages/cluster/setting-texts.ts';
import {
  describeProperties,
  logged,
  parseUserProperties,
  withOutcome,
} from '../src/pages/try/message-log.ts';
import type { LoggedMessage } from '../src/pages/try/message-log.ts';
import { mqttUrl } from '../src/mqtt/connection.ts';

test('parses sizes with binary units, and refuses a unit where a number is wanted', () => {
  expect(['16 MiB', '16m', '1,024', '1.5 KiB', '7'].map((text) => parseSetting(text, true))).toEqual([
    16 * 1024 * 1024,
    16 * 1024 * 1024,
    1_024,
    1_536,
    7,
  ]);
  expect(['16m', '-1', '1e3', '', '1.5'].map((text) => parseSetting(text, false))).toEqual(
    Array(5).fill(null),
  );
});

test('each setting of the cluster has a text of its own', () => {
  const names = Object.keys(new FakeCluster().settings);
  expect(names.filter((name) => settingText(name).label === name)).toEqual([]);
});

test('parses user properties, of which a name may occur several times', () => {
  expect({ ...parseUserProperties('a: 1\n\na: 2\n__proto__: x: y') }).toEqual({
    a: ['1', '2'],
    ['__proto__']: ['x: y'],
  });
  expect(() => parseUserProperties('no colon')).toThrow('name: value');
});

test('shows the properties of a message in one line', () => {
  expect(
    describeProperties({ contentType: 'text/plain', userProperties: { a: ['1', '2'] }, other: undefined }),
  ).toBe('contentType: text/plain, userProperties: {"a":["1","2"]}');
  expect(describeProperties(undefined)).toBe('');
});

test('the log keeps the newest 300 messages and the outcome of each sent one', () => {
  const message = (number: number): LoggedMessage => ({
    number,
    atMs: 0,
    direction: 'sent',
    topic: 't',
    payload: new Uint8Array(),
    qos: 1,
    isRetained: false,
    isDuplicate: false,
    properties: '',
    outcome: 'waits',
  });
  let list: readonly LoggedMessage[] = [];
  for (let number = 1; number <= 400; number += 1) list = logged(list, message(number));
  expect([list.length, list[0]?.number]).toEqual([300, 400]);
  expect(withOutcome(list, 400, 'acknowledged')[0]?.outcome).toBe('acknowledged');
});

test('connects to the origin of the page, encrypted if the page is', () => {
  expect(mqttUrl({ protocol: 'https:', host: 'm1:8080' })).toBe('wss://m1:8080/mqtt');
  expect(mqttUrl({ protocol: 'http:', host: '127.0.0.55:9090' })).toBe('ws://127.0.0.55:9090/mqtt');
});
