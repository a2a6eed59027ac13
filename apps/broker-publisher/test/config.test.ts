import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePeers, parseUrls, readConfig, settingNames } from '../src/config.ts';

const base = { MQTT_CLUSTER_ID: 'a', MQTT_CLUSTER_PEERS: 'a=127.0.0.1:7883,b=127.0.0.2:7883,c=[::1]:7883' };
const former = { ...process.env };
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'appliance-config-'));
});

afterEach(() => {
  process.env = { ...former };
  rmSync(directory, { recursive: true });
});

function read(changes: Record<string, string> = {}) {
  process.env = { ...former, ...base, ...changes };
  return readConfig(directory);
}

test('the environment alone configures a member, with sensible defaults', () => {
  const config = read({ MQTT_CLUSTER_WHEN_ISOLATED: 'hold', MQTT_CLUSTER_MQTT_PORT: '2883' });
  expect(config).toMatchObject({ id: 'a', whenIsolated: 'hold', mqtt: { port: 2883 }, http: { port: 9100 } });
  expect(Object.isFrozen(config.mqtt)).toBe(true);
});

test('the settings that an image says it knows are those that it starts with', () => {
  const names = settingNames();
  expect(names).toEqual(expect.arrayContaining(['MQTT_CLUSTER_ID', 'MQTT_CLUSTER_ADMIN_TOKEN_FILE']));
  // None of them is refused as a stranger; an empty one counts as not set.
  expect(read({ ...Object.fromEntries(names.map((name) => [name, ''])), ...base })).toMatchObject({
    id: 'a',
  });
});

test.each([
  ['a peer list without oneself', { MQTT_CLUSTER_ID: 'x' }, /this one \("x"\) too; it names a, b, c/],
  ['two members with one id', { MQTT_CLUSTER_PEERS: 'a=h:1,a=h:2' }, /names the member "a" twice/],
  [
    'two members with one address',
    { MQTT_CLUSTER_PEERS: 'a=h:1,b=h:1' },
    /gives the address h:1 to two members/,
  ],
  ['a peer that is no address', { MQTT_CLUSTER_PEERS: 'a' }, /"a" is not of the form id=host:port/],
  ['a setting that is none', { MQTT_CLUSTER_COLOUR: 'red' }, /MQTT_CLUSTER_COLOUR does not name a setting/],
  ['a port that is none', { MQTT_CLUSTER_MQTT_PORT: '70000' }, /mqtt\.port is 70000.*at most 65535/],
  ['a word that is not one of the choices', { MQTT_CLUSTER_WHEN_ISOLATED: 'maybe' }, /"accept", "hold"/],
  [
    'an election before the second heartbeat',
    { MQTT_CLUSTER_TIMINGS_ELECTION_MS_MIN: '150' },
    /twice heartbeatMs/,
  ],
  ['half a TLS set-up', { MQTT_CLUSTER_TLS_KEY: 'key.pem' }, /key, cert and ca together/],
  [
    'an isolation before the election is over',
    { MQTT_CLUSTER_TIMINGS_ELECTION_MS_MAX: '3000' },
    /isolatedAfterMs must be above electionMsMax/,
  ],
  [
    'a URL that is none',
    { MQTT_CLUSTER_URLS: 'a=mqtt://h:99999' },
    /"a=mqtt:\/\/h:99999" is not of the form/,
  ],
  ['a URL of a member that is none', { MQTT_CLUSTER_URLS: 'z=mqtt://h:1' }, /urls names "z"/],
])('%s is refused in one line', (_what, changes, words) => {
  let message = '';
  try {
    read(changes);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(words);
  expect(message).not.toContain('\n');
});

test('addresses of peers may be names, IPv4 or IPv6', () => {
  expect(parsePeers(['a=host.example:1', 'b=[::1]:2'])).toEqual([
    { id: 'a', host: 'host.example', port: 1 },
    { id: 'b', host: '::1', port: 2 },
  ]);
});

test('a member may have several URLs', () => {
  const urls = parseUrls(['a=mqtt://h:1', 'a=mqtts://h:2'], ['a']);
  expect(urls.get('a')).toEqual(['mqtt://h:1', 'mqtts://h:2']);
});
