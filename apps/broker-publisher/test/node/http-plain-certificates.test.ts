import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { RequestOptions } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiActs, routes } from '@mqtt-cluster/api';
import type { OperationId } from '@mqtt-cluster/api';
import { host, requiring, TestAuthority } from '@mqtt-cluster/testing';
import { WebSocket } from 'ws';
import { adminPaths } from '../../src/admin/paths.ts';
import { TestCluster } from '../support/test-cluster.ts';

const token = 'a-token-of-some-length';
const openPaths = ['/metrics', '/healthz', '/readyz', '/status', '/cluster/health', '/api/v1/health'];

/** An address of this host outside of loopback, if any: a member on a loopback address regards it as another host. */
const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

/** Where requests come from that the member regards as those of another host. */
interface Origin {
  readonly localAddress?: string;
  readonly trustLoopback: boolean;
}

const origins: [string, Origin][] = [
  ['where loopback addresses are not trusted', { trustLoopback: false }],
  ...(elsewhere === undefined
    ? []
    : ([['on a machine with a network', { localAddress: elsewhere, trustLoopback: true }]] as [
        string,
        Origin,
      ][])),
];

requiring('openssl')('HTTPS with client certificates, and HTTP at the same port', () => {
  describe.each(origins)('%s', (_where, { localAddress, trustLoopback }) => {
    let directory: string;
    let authority: TestAuthority;
    let cluster: TestCluster;
    let cookie: string;

    const answer = async (
      request: typeof requestHttp,
      options: RequestOptions,
      body = '',
    ): Promise<{ code: number; cookie: string; text: string }> => {
      const port = cluster.portsOf('a').http;
      const [response] = (await once(
        request({ host, port, agent: false, ...options }).end(body),
        'response',
      )) as [IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const [setCookie = ''] = response.headers['set-cookie'] ?? [];
      return { code: response.statusCode ?? 0, cookie: setCookie, text: Buffer.concat(chunks).toString() };
    };
    /** Options of a person with a certificate. */
    const person = (): RequestOptions => {
      const { key, cert } = authority.issue('person');
      return { ca: authority.ca, key, cert };
    };
    /** Sends a request as another host over HTTP, with every credential. */
    const fromElsewhere = (method: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
      answer(requestHttp, {
        method,
        path,
        ...(localAddress !== undefined && { localAddress }),
        headers: { 'x-mqtt-cluster': '1', authorization: `Bearer ${token}`, cookie, ...headers },
      });

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'http-plain-certificates-'));
      authority = new TestAuthority(directory);
      const { keyFile, certFile } = authority.issueServer('member', host);
      const own = authority.issue('a', { alternativeNames: 'DNS:a' });
      const tokenFile = join(directory, 'token');
      writeFileSync(tokenFile, token);
      cluster = await TestCluster.start(['a'], {
        lab: false,
        tls: { key: own.keyFile, cert: own.certFile, ca: authority.caFile },
        mqtt: { authentication: ['cluster'] },
        admin: { tokenFile, trustLoopback },
        http: {
          plain: true,
          tls: { key: keyFile, cert: certFile, ca: authority.caFile, crl: authority.crlFile },
        },
      });
      const signIn = await answer(
        requestHttps as typeof requestHttp,
        {
          ...{ method: 'POST', path: '/api/v1/sign-in', ...person() },
          headers: { 'x-mqtt-cluster': '1', 'content-type': 'application/json' },
        },
        JSON.stringify({ user: 'admin', password: token }),
      );
      // The session has the name of the cookie for HTTPS. A thief chooses the name.
      const [, id = ''] = /^__Host-mqtt-cluster=([^;]+);/.exec(signIn.cookie) ?? [];
      expect(id).not.toBe('');
      cookie = `mqtt-cluster=${id}`;
    });

    afterAll(async () => {
      await cluster.close();
      rmSync(directory, { recursive: true });
    });

    test('over HTTPS a certificate of the authority is needed, until a list revokes it', async () => {
      const options = { path: '/readyz', ca: authority.ca };
      const ask = (certificate: object) =>
        answer(requestHttps as typeof requestHttp, { ...options, ...certificate });
      const { key, cert } = authority.issue('user');
      expect((await ask({ key, cert })).code).toBe(200);
      await expect(ask({})).rejects.toThrow();
      const revoked = authority.issue('revoked');
      expect((await ask({ key: revoked.key, cert: revoked.cert })).code).toBe(200);
      authority.revoke(revoked);
      await cluster.reload('a');
      await expect(ask({ key: revoked.key, cert: revoked.cert })).rejects.toThrow();
      expect((await ask({ key, cert })).code).toBe(200);
    });

    test('Prometheus gets targets with HTTP, which needs no certificate', async () => {
      const { text } = await answer(requestHttps as typeof requestHttp, {
        ...person(),
        path: '/api/v1/prometheus/targets',
        headers: { authorization: `Bearer ${token}` },
      });
      expect(JSON.parse(text)).toEqual([
        { targets: [expect.any(String)], labels: { member: 'a', cluster: 'mqtt-cluster' } },
      ]);
    });

    test('another host reads health and metrics over HTTP without a certificate', async () => {
      for (const path of openPaths)
        expect([path, (await fromElsewhere('GET', path)).code]).toEqual([path, 200]);
    });

    test('another host can do nothing else over HTTP, with the admin token, a session or a password', async () => {
      const basic = `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`;
      const operations = (Object.keys(apiActs) as OperationId[]).filter((id) => apiActs[id].act !== null);
      const targets: string[][] = [
        ...operations.map((id) => [
          routes[id].method.toUpperCase(),
          `/api/v1${routes[id].path.replaceAll(/\{\w+\}/g, 'x')}`,
        ]),
        ...Object.values(adminPaths)
          .filter((path) => !openPaths.includes(path))
          .flatMap((path) => [
            ['GET', path],
            ['POST', path],
          ]),
        ['GET', '/api/v1/me'],
      ];
      expect(targets.length).toBeGreaterThan(50);
      for (const [method = '', path = ''] of targets)
        for (const authorization of ['', `Bearer ${token}`, basic]) {
          const { code } = await fromElsewhere(method, path, { authorization });
          const isRefused = code === 401 || code === 403;
          expect({ method, path, authorization, isRefused }).toEqual({
            method,
            path,
            authorization,
            isRefused: true,
          });
        }
    });

    test('another host without a certificate gets neither the console nor a WebSocket over HTTP', async () => {
      expect((await fromElsewhere('GET', '/')).code).toBe(308);
      const socket = new WebSocket(`ws://${host}:${cluster.portsOf('a').http}/mqtt`, ['mqtt'], {
        ...(localAddress !== undefined && { localAddress }),
        headers: { cookie },
      });
      const refused = new Promise((resolve) => {
        socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.on('open', () => resolve(101));
      });
      expect(await refused).toBe(403);
      socket.on('error', () => undefined);
      socket.terminate();
    });
  });
});
