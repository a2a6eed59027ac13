import { hostname } from 'node:os';
import { configSchema } from '../../src/config.ts';
import { requestGuard } from '../../src/web/request-guard.ts';

const config = configSchema.parse({
  id: 'a',
  host: 'own.example.org',
  peers: ['a=a.example.org:7883', 'b=b.example.org:7883', 'c=[2001:db8::3]:7883'],
  urls: ['a=mqtts://clients.example.org:8883'],
  mqtt: {
    listeners: [
      { name: 'plain', kind: 'tcp', port: 1883, anonymous: true, urls: ['mqtt://balancer.example.org:1883'] },
    ],
  },
  http: { hosts: ['console.example.org', 'm1'] },
});
const guard = requestGuard(config);
const ask = (host: string, path = '/status') =>
  guard({ method: 'GET', path, headers: { host: `${host}:9100` }, isSecure: false });

test.each([
  'own.example.org',
  'a.example.org',
  'b.example.org',
  '[2001:db8::3]',
  'clients.example.org',
  'balancer.example.org',
  'console.example.org',
  'm1',
  hostname(),
])('the member answers under the name %s of its settings or its host', (host) => {
  expect(ask(host)).toBeNull();
});

test('another name is refused: below /api/ in the form of RFC 9457, else as before', () => {
  expect(ask('evil.example')).toEqual({ code: 421, body: { error: expect.stringContaining('http.hosts') } });
  expect(ask('evil.example', '/api/v1/me')).toEqual({
    code: 421,
    body: {
      type: 'about:blank',
      title: 'Misdirected Request',
      status: 421,
      detail: expect.stringContaining('http.hosts'),
    },
    headers: { 'content-type': 'application/problem+json' },
  });
});

test.each(['https://console.example.org', 'console.example.org:9100', 'a b', ''])(
  'the setting http.hosts refuses %j, which is no name',
  (name) => {
    const settings = { id: 'a', peers: ['a=127.0.0.1:7883'], http: { hosts: [name] } };
    expect(configSchema.safeParse(settings).success).toBe(false);
  },
);
