import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memberHost } from '../src/admin/command-line.ts';
import { readConfig, settingNames } from '../src/config.ts';
import { announcedUrls, clientListeners, ownUrl, trustsLoopback } from '../src/listeners/client-listeners.ts';

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

const plain = { name: 'plain', port: 1 };
const httpsClients = {
  MQTT_CLUSTER_HTTP_PLAIN: 'true',
  MQTT_CLUSTER_HTTP_TLS_KEY: 'k',
  MQTT_CLUSTER_HTTP_TLS_CERT: 'c',
  MQTT_CLUSTER_HTTP_TLS_CA: 'a',
};

function listeners(...list: readonly object[]): Record<string, string> {
  return { MQTT_CLUSTER_MQTT_LISTENERS: JSON.stringify(list) };
}

function publisher(settings: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(settings);
  return Object.fromEntries(entries.map(([name, value]) => [`MQTT_CLUSTER_PUBLISHER_${name}`, value]));
}

function read(changes: Record<string, string> = {}) {
  process.env = { ...former, ...base, ...changes };
  return readConfig(directory);
}

test('readConfig reads a configuration from environment variables alone and adds the defaults', () => {
  const config = read({ MQTT_CLUSTER_WHEN_ISOLATED: 'hold', MQTT_CLUSTER_MQTT_PORT: '2883' });
  expect(config).toMatchObject({ id: 'a', whenIsolated: 'hold', mqtt: { port: 2883 }, http: { port: 9100 } });
  expect(Object.isFrozen(config.mqtt)).toBe(true);
});

test('readConfig accepts every environment variable that --settings lists', () => {
  const names = settingNames();
  expect(names).toEqual(expect.arrayContaining(['MQTT_CLUSTER_ID', 'MQTT_CLUSTER_ADMIN_TOKEN_FILE']));
  // An empty variable counts as not set.
  expect(read({ ...Object.fromEntries(names.map((name) => [name, ''])), ...base })).toMatchObject({
    id: 'a',
  });
});

test.each([
  [
    'a peer list without this member',
    { MQTT_CLUSTER_ID: 'x' },
    /include this member \("x"\), not only a, b, c/,
  ],
  ['two members with one id', { MQTT_CLUSTER_PEERS: 'a=h:1,a=h:2' }, /member "a" appears twice/],
  [
    'two members with one address',
    { MQTT_CLUSTER_PEERS: 'a=h:1,b=h:1' },
    /h:1 is the address of two members/,
  ],
  [
    'a peer without an address',
    { MQTT_CLUSTER_PEERS: 'a' },
    /peers\.0 is "a", but must have the form id=host:port .*MQTT_CLUSTER_PEERS/,
  ],
  ['an unknown setting', { MQTT_CLUSTER_COLOUR: 'red' }, /MQTT_CLUSTER_COLOUR does not name a setting/],
  ['a port above 65535', { MQTT_CLUSTER_MQTT_PORT: '70000' }, /mqtt\.port is 70000.*at most 65535/],
  ['a value that is not one of the choices', { MQTT_CLUSTER_WHEN_ISOLATED: 'maybe' }, /"accept", "hold"/],
  [
    'an election timeout below two heartbeats',
    { MQTT_CLUSTER_TIMINGS_ELECTION_MS_MIN: '150' },
    /twice heartbeatMs/,
  ],
  ['an incomplete TLS configuration', { MQTT_CLUSTER_TLS_KEY: 'key.pem' }, /key, cert and ca together/],
  [
    'an isolation time below the election timeout',
    { MQTT_CLUSTER_TIMINGS_ELECTION_MS_MAX: '3000' },
    /isolatedAfterMs must be above electionMsMax/,
  ],
  [
    'an invalid URL',
    { MQTT_CLUSTER_URLS: 'a=mqtt://h:99999' },
    /"a=mqtt:\/\/h:99999", but must have the form id=mqtt:/,
  ],
  [
    'a listener without a port',
    listeners({ name: 'a' }),
    /mqtt\.listeners\.0\.port is missing.*MQTT_LISTENERS/,
  ],
  [
    'an unknown setting of a listener',
    listeners({ ...plain, colour: 1 }),
    /listeners\.0\.colour is not a known/,
  ],
  ['two listeners with one name', listeners(plain, { ...plain, port: 2 }), /"plain" appears twice/],
  ['two listeners at one address', listeners(plain, { ...plain, name: 'b' }), /:1 appears twice/],
  ['a listener with an unknown kind', listeners({ ...plain, kind: 'udp' }), /"tcp", "tls", "ws", "wss"/],
  [
    'a TLS listener without a key',
    listeners({ ...plain, kind: 'tls' }),
    /tls\.key and tls\.cert, because its kind is tls/,
  ],
  [
    'a plain listener with a key',
    listeners({ ...plain, tls: { key: 'k', cert: 'c' } }),
    /not set tls, because its kind is tcp/,
  ],
  [
    'a TLS listener that requires client certificates without an authority',
    listeners({ ...plain, kind: 'tls', tls: { key: 'k', cert: 'c', clientCertificate: 'required' } }),
    /must set ca, because clientCertificate is required/,
  ],
  [
    'a TLS listener with an authority that it does not use',
    listeners({ ...plain, kind: 'tls', tls: { key: 'k', cert: 'c', ca: 'a' } }),
    /would check no certificate/,
  ],
  [
    'certificates as users without client certificates',
    listeners({ ...plain, authentication: ['certificate'] }),
    /tls\.clientCertificate/,
  ],
  [
    'a proxy that is no network',
    listeners({ ...plain, proxy: ['10.0.0.0/33'] }),
    /10\.0\.0\.0\/33", but must be an IP address/,
  ],
  [
    'HTTP beside client certificates of HTTPS in a lab',
    { ...httpsClients, MQTT_CLUSTER_LAB: 'true' },
    /http\.plain .*must not be true with http\.tls\.ca in a lab/,
  ],
  [
    'a publisher with a certificate, but without its key',
    publisher({ LISTENER_KIND: 'tls', TLS_CERT: 'c' }),
    /publisher\.tls\.key is missing, it must be set, because publisher\.tls\.cert is set.*PUBLISHER_TLS_KEY/,
  ],
  [
    'a publisher with a key, but without its certificate',
    publisher({ LISTENER_KIND: 'tls', TLS_KEY: 'k' }),
    /publisher\.tls\.cert is missing, it must be set, because publisher\.tls\.key is set.*PUBLISHER_TLS_CERT/,
  ],
  [
    'a publisher with TLS files at a listener without TLS',
    publisher({ TLS_CERT: 'c', TLS_KEY: 'k' }),
    /publisher\.listenerKind .*must be tls or wss, because publisher\.tls is set/,
  ],
  [
    'a publisher at a listener, without a user and a certificate',
    publisher({ LISTENER_KIND: 'wss' }),
    /publisher\.listenerKind .*only with publisher\.username or publisher\.tls\.cert/,
  ],
  ['origins of a plain listener', listeners({ ...plain, origins: ['*'] }), /must not set origins/],
  ['a URL of an unknown member', { MQTT_CLUSTER_URLS: 'z=mqtt://h:1' }, /urls .*"z" is not one of them/],
])('readConfig rejects %s with a one-line message', (_what, changes, words) => {
  let message = '';
  try {
    read(changes);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(words);
  expect(message).not.toContain('\n');
});

test('readConfig parses peers with host names, IPv4 and IPv6 addresses', () => {
  expect(read({ MQTT_CLUSTER_PEERS: 'a=host.example:1,b=[::1]:2,c=127.0.0.1:3' }).peers).toEqual([
    { id: 'a', host: 'host.example', port: 1 },
    { id: 'b', host: '::1', port: 2 },
    { id: 'c', host: '127.0.0.1', port: 3 },
  ]);
});

test('readConfig parses several URLs of one member', () => {
  const { urls } = read({ MQTT_CLUSTER_URLS: 'a=mqtt://h:1,b=mqtt://i:1,a=mqtts://h:2' });
  expect(Object.fromEntries(urls)).toEqual({ a: ['mqtt://h:1', 'mqtts://h:2'], b: ['mqtt://i:1'] });
});

const remotePeers = { MQTT_CLUSTER_PEERS: 'a=192.0.2.1:7883,b=192.0.2.2:7883' };

test.each<[string, Record<string, string>, string[]]>([
  ['its address in peers and its port', remotePeers, ['mqtt://192.0.2.1:1883']],
  [
    'the address in peers, if it listens on all IPv4 addresses',
    { ...remotePeers, MQTT_CLUSTER_HOST: '0.0.0.0', MQTT_CLUSTER_MQTT_PORT: '2883' },
    ['mqtt://192.0.2.1:2883'],
  ],
  [
    'the address that it listens on',
    { ...remotePeers, MQTT_CLUSTER_HOST: '192.0.2.9' },
    ['mqtt://192.0.2.9:1883'],
  ],
  [
    'the setting urls',
    { ...remotePeers, MQTT_CLUSTER_URLS: 'a=mqtts://a.example:8883' },
    ['mqtts://a.example:8883'],
  ],
  ['no loopback address', { ...remotePeers, MQTT_CLUSTER_HOST: '127.0.0.1' }, []],
  ['a loopback address, if the cluster runs on loopback addresses', {}, ['mqtt://127.0.0.1:1883']],
  [
    'the URL of each of its listeners, except of one behind a proxy',
    {
      ...remotePeers,
      ...listeners(
        { name: 'plain', port: 1883 },
        { name: 'proxied', port: 1884, proxy: ['192.0.2.0/24'] },
        { name: 'tls', kind: 'tls', port: 8883, tls: { key: 'k', cert: 'c' } },
        { name: 'web', kind: 'ws', port: 8083, host: '2001:db8::9', path: '/m' },
        {
          name: 'far',
          kind: 'wss',
          port: 8084,
          tls: { key: 'k', cert: 'c' },
          urls: ['wss://a.example/mqtt'],
        },
      ),
    },
    ['mqtt://192.0.2.1:1883', 'mqtts://192.0.2.1:8883', 'ws://[2001:db8::9]:8083/m', 'wss://a.example/mqtt'],
  ],
])('a member announces to its peers, as the URL for clients, %s', (_what, changes, urls) => {
  expect(announcedUrls(read(changes))).toEqual(urls);
});

test('without the setting mqtt.listeners a member has one plain listener', () => {
  const [listener, ...more] = clientListeners(read({ MQTT_CLUSTER_MQTT_ANONYMOUS: 'true' }));
  expect(more).toEqual([]);
  expect(listener).toMatchObject({
    name: 'default',
    kind: 'tcp',
    host: '*',
    port: 1883,
    anonymous: true,
    proxy: [],
  });
});

test.each([
  [[], true],
  [['192.0.2.1', '2001:db8::/32'], true],
  [['192.0.2.1', '127.0.0.1'], false],
  [['::1'], false],
  [['0.0.0.0/0'], false],
  [['::/0'], false],
])('a member with the proxies %j trusts its own host: %j', (proxy, expected) => {
  const settings = listeners({ ...plain, proxy });
  expect(trustsLoopback(read(settings))).toBe(expected);
  expect(trustsLoopback(read({ ...settings, MQTT_CLUSTER_ADMIN_TRUST_LOOPBACK: 'false' }))).toBe(false);
});

test('listeners of the setting mqtt.listeners replace the default listener', () => {
  const tls = {
    key: 'k',
    cert: 'c',
    ca: 'a',
    crl: 'r',
    clientCertificate: 'optional',
    minVersion: 'TLSv1.3',
  };
  const secure = {
    name: 'tls',
    kind: 'tls',
    host: '192.0.2.9',
    port: 8883,
    tls,
    authentication: ['certificate'],
  };
  expect(clientListeners(read(listeners(plain, secure)))).toMatchObject([{ ...plain, host: '*' }, secure]);
});

test('HTTP beside client certificates of HTTPS is allowed outside a lab', () => {
  expect(read(httpsClients).http).toMatchObject({ plain: true, tls: { ca: 'a' } });
});

test('the admin command uses HTTP beside HTTPS only where requests of this host are trusted', () => {
  read(httpsClients);
  expect(memberHost(directory).connection().server).toBe('http://127.0.0.1:9100');
  read({ ...httpsClients, MQTT_CLUSTER_ADMIN_TRUST_LOOPBACK: 'false' });
  expect(memberHost(directory).connection().server).toBe('https://127.0.0.1:9100');
});

test('by default a member listens on all addresses and accepts packets of 256 KiB, at most 1 MiB', () => {
  const config = read();
  expect([config.host, config.mqtt.packetBytesMax]).toEqual(['*', 262_144]);
  expect(ownUrl(config, 'tcp')).toBe('mqtt://127.0.0.1:1883');
  expect(read({ MQTT_CLUSTER_MQTT_PACKET_BYTES_MAX: '1048576' }).mqtt.packetBytesMax).toBe(1_048_576);
  expect(() => read({ MQTT_CLUSTER_MQTT_PACKET_BYTES_MAX: '1048577' })).toThrow(
    /MQTT_CLUSTER_MQTT_PACKET_BYTES_MAX/,
  );
});
