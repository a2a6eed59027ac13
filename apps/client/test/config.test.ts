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
])('readConfig rejects %j with a one-line error', (environment, words) => {
  const read = (): unknown => readConfig(missingDirectory, environment);
  expect(read).toThrow(words);
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('\n') as string }));
});
