import { crossSiteRefusal, KnownHosts } from '../src/index.ts';
import type { CrossSiteRefusal, GuardedRequest } from '../src/index.ts';

const rules = {
  hosts: new KnownHosts(['Broker1.example.org', 'console.example.org.']),
  needsChangeHeader: (path: string) => path.startsWith('/api/'),
};
const ownHost = '127.0.0.1:9100';
const ownOrigin = `http://${ownHost}`;

function refusal({ headers, ...more }: Partial<GuardedRequest> = {}): CrossSiteRefusal | null {
  const request = { method: 'GET', path: '/api/v1/members', isSecure: false, ...more };
  return crossSiteRefusal({ ...request, headers: { host: ownHost, ...headers } }, rules);
}

describe('a request is addressed to a known host:', () => {
  test.each([
    ['127.0.0.1:9100'],
    ['192.0.2.7'],
    ['[::1]:9100'],
    ['localhost:9100'],
    ['localhost.'],
    ['lab.localhost:80'],
    ['BROKER1.example.org:9100'],
    ['broker1.example.org.'],
    ['console.example.org'],
  ])('%s is known', (host) => {
    expect(refusal({ headers: { host } })).toBeNull();
  });

  test('a request without the header, as HTTP/1.0 permits it, is accepted', () => {
    expect(crossSiteRefusal({ method: 'GET', path: '/', headers: {}, isSecure: false }, rules)).toBeNull();
  });

  test.each([
    ['rebound.example.net:9100'],
    ['broker1.example.org.rebound.net'],
    ['localhost.rebound.net'],
    ['127.0.0.1.rebound.net'],
    ['127.1'],
    ['127.0.0.1@rebound.net'],
    ['127.0.0.1/rebound.net'],
    ['[::1].rebound.net'],
    [''],
    ['..'],
  ])('%j is refused with 421, whatever the method and the path', (host) => {
    for (const method of ['GET', 'HEAD', 'POST'])
      for (const path of ['/', '/metrics', '/healthz', '/admin/backup', '/drain', '/mqtt']) {
        const headers = { host, origin: `http://${host}`, 'x-mqtt-cluster': '1' };
        expect(refusal({ method, path, headers })).toEqual({
          code: 421,
          reason: expect.stringContaining('http.hosts'),
        });
      }
  });
});

describe('a page of another origin:', () => {
  test.each([
    ['another site', { origin: 'http://evil.example' }],
    ['another port of this host', { origin: 'http://127.0.0.1:8000' }],
    ['another address of this host', { origin: 'http://127.0.0.2:9100' }],
    ['an opaque origin', { origin: 'null' }],
    ['a file', { origin: 'file://' }],
    ['an extension', { origin: 'chrome-extension://127.0.0.1:9100' }],
    ['another site without Origin', { 'sec-fetch-site': 'cross-site' }],
    ['another port without Origin', { 'sec-fetch-site': 'same-site' }],
    ['a frame', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
  ])('%s can send no request, to read or to change', (_page, headers) => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
      for (const path of ['/api/v1/members', '/status', '/drain', '/admin/settings', '/mqtt'])
        expect(refusal({ method, path, headers: { ...headers, 'x-mqtt-cluster': '1' } })).toEqual({
          code: 403,
          reason: expect.stringMatching(/^a page of /),
        });
  });

  test('a link on another page opens a page, but a form of another page sends nothing', () => {
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect(refusal({ path: '/', headers })).toBeNull();
    expect(refusal({ method: 'POST', path: '/drain', headers })).toMatchObject({ code: 403 });
  });
});

describe('the pages of the server itself:', () => {
  test.each([
    [ownHost, ownOrigin],
    ['localhost:80', 'http://localhost'],
    ['broker1.example.org', 'https://broker1.example.org'],
    ['[::1]:9100', 'http://[::1]:9100'],
  ])('a page at the host %s with the origin %s may read and, with the header, change', (host, origin) => {
    const page = { host, origin, 'sec-fetch-site': 'same-origin' };
    expect(refusal({ headers: page })).toBeNull();
    expect(refusal({ method: 'POST', headers: { ...page, 'x-mqtt-cluster': '1' } })).toBeNull();
    expect(refusal({ method: 'POST', headers: page })).toEqual({
      code: 403,
      reason: expect.stringContaining('x-mqtt-cluster: 1'),
    });
  });

  test('a page without TLS has another origin than a server with TLS', () => {
    expect(refusal({ isSecure: true, headers: { origin: ownOrigin } })).toMatchObject({ code: 403 });
    expect(refusal({ isSecure: true, headers: { origin: `https://${ownHost}` } })).toBeNull();
  });
});

describe('the header of changes:', () => {
  test('each change of the API needs it, whatever program sends it', () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect(refusal({ method })).toMatchObject({ code: 403 });
      expect(refusal({ method, headers: { 'x-mqtt-cluster': '0' } })).toMatchObject({ code: 403 });
      expect(refusal({ method, headers: { 'x-mqtt-cluster': '1' } })).toBeNull();
    }
  });

  test('a playbook without the header may change something at the older paths', () => {
    expect(refusal({ method: 'POST', path: '/admin/drain' })).toBeNull();
  });

  test('a request at the older paths needs it if a browser may have sent the request', () => {
    for (const headers of [{ origin: ownOrigin }, { 'sec-fetch-site': 'same-origin' }, { cookie: 'a=b' }])
      expect(refusal({ method: 'POST', path: '/admin/drain', headers })).toMatchObject({ code: 403 });
  });
});
