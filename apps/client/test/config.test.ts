import { parseServers, readConfig } from '../src/config.ts';

const missingDirectory = 'no-such-directory';

test('readConfig requires only the setting `servers` and applies defaults to all other settings', () => {
  const config = readConfig(missingDirectory, {
    MQTT_CLIENT_SERVERS: 'a=mqtt://127.0.0.1:1883, mqtt://127.0.0.1:1884',
  });
  expect(parseServers(config.servers)).toEqual([
    { id: 'a', url: 'mqtt://127.0.0.1:1883' },
    { url: 'mqtt://127.0.0.1:1884' },
  ]);
  expect(config.session).toBe('persistent');
});

test.each([
  [{}, /servers/],
  [{ MQTT_CLIENT_SERVERS: 'localhost:1883' }, /servers: "localhost:1883"/],
  [{ MQTT_CLIENT_SERVERS: 'mqtt://a', MQTT_CLIENT_REDUNDANCY: '3' }, /redundancy/],
  [{ MQTT_CLIENT_SERVERS: 'mqtt://a', MQTT_CLIENT_TIMINGS_SILENCE_MS_MAX: '500' }, /silenceMsMax/],
  [{ MQTT_CLIENT_SERVERS: 'mqtt://a', MQTT_CLIENT_SEVERS: 'x' }, /MQTT_CLIENT_SEVERS/],
  [{ MQTT_CLIENT_SERVERS: 'mqtts://a,mqtt://b' }, /must all use TLS/],
  [{ MQTT_CLIENT_SERVERS: 'mqtt://a', MQTT_CLIENT_TLS_CA: 'ca.pem' }, /no server uses TLS/],
  [{ MQTT_CLIENT_SERVERS: 'mqtts://a', MQTT_CLIENT_TLS_CERT: 'c.pem' }, /cert and key together/],
  [
    { MQTT_CLIENT_SERVERS: 'mqtts://a', MQTT_CLIENT_PASSWORD: 'p', MQTT_CLIENT_TOKEN_FILE: 't' },
    /tokenFile and password exclude/,
  ],
  [
    {
      MQTT_CLIENT_SERVERS: 'mqtts://a',
      MQTT_CLIENT_TOKEN_FILE: 't',
      MQTT_CLIENT_PROTOCOL_VERSION: '4',
      MQTT_CLIENT_SESSION: 'none',
    },
    /username is missing/,
  ],
  [{ MQTT_CLIENT_SERVERS: 'mqtts://user:secret@a' }, /servers: a URL with a user name/],
])('readConfig rejects %j with a one-line error', (environment, words) => {
  const read = (): unknown => readConfig(missingDirectory, environment);
  expect(read).toThrow(words);
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('\n') as string }));
});
