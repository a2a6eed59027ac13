import { parseServers, readConfig } from '../src/config.ts';

const nowhere = 'no-such-directory';

test('servers are enough; the rest has defaults', () => {
  const config = readConfig(nowhere, {
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
])('%j is refused in one line', (environment, words) => {
  const read = (): unknown => readConfig(nowhere, environment);
  expect(read).toThrow(words);
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining('\n') as string }));
});
