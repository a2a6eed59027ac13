import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import { runAdmin } from '../support/admin.ts';
import { TestCluster } from '../support/test-cluster.ts';

const ids = ['a', 'b', 'c'];
const paths = ['/readyz', '/metrics', '/cluster/health'];

requiring('openssl', 'haproxy')('an update from HTTP to HTTPS, one member after the other', () => {
  let directory: string;
  let authority: TestAuthority;
  let cluster: TestCluster;
  let proxy: ChildProcess;
  let statistics = 0;
  let tls: { readonly key: string; readonly cert: string };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'http-rollout-'));
    authority = new TestAuthority(directory);
    const { keyFile, certFile } = authority.issueServer('member', host);
    tls = { key: keyFile, cert: certFile };
    cluster = await TestCluster.start(ids);
    await startProxy();
  });

  afterAll(async () => {
    proxy.kill();
    await once(proxy, 'exit');
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  /** Starts HAProxy with the health check of the playbooks (roles/virtual_address). */
  async function startProxy(): Promise<void> {
    const [front = 0, page = 0] = await freePorts(2);
    statistics = page;
    const servers = ids.map((id) => {
      const { mqtt, http } = cluster.portsOf(id);
      return `server ${id} ${host}:${mqtt} check port ${http} inter 100ms rise 1 fall 1`;
    });
    const configuration = [
      ...['defaults', 'mode tcp', 'timeout connect 5s', 'timeout client 60s', 'timeout server 60s'],
      ...[
        'listen mqtt',
        `bind ${host}:${front}`,
        'option httpchk GET /readyz',
        'http-check expect status 200',
      ],
      ...servers,
      ...['frontend statistics', 'mode http', `bind ${host}:${page}`, 'stats enable', 'stats uri /', ''],
    ];
    writeFileSync(join(directory, 'haproxy.cfg'), configuration.join('\n'));
    proxy = spawn('haproxy', ['-f', join(directory, 'haproxy.cfg'), '-db'], { stdio: 'ignore' });
  }

  /** Returns the ids of the members that HAProxy regards as healthy. */
  async function healthyInProxy(): Promise<string[]> {
    const response = await fetch(`http://${host}:${statistics}/;csv`).catch(() => null);
    const rows = ((await response?.text()) ?? '').split('\n').map((line) => line.split(','));
    const statusColumn = 17;
    return ids.filter((id) =>
      rows.some((row) => row[0] === 'mqtt' && row[1] === id && row[statusColumn] === 'UP'),
    );
  }

  async function statusOf(scheme: 'http' | 'https', id: string, path: string): Promise<number> {
    if (scheme === 'http') return (await cluster.get(id, path)).status;
    return new Promise((resolve, reject) => {
      const options = { host, port: cluster.portsOf(id).http, path, ca: authority.ca, agent: false };
      request(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  }

  /** Restarts a member with other settings of HTTP. */
  async function restart(id: string, http: object): Promise<void> {
    await cluster.stop(id);
    await cluster.start(id, { http });
  }

  async function admin(url: string, ...command: readonly string[]): Promise<string> {
    const { output, errors } = await runAdmin(directory, [...command, '--url', url]);
    return `${output}${errors}`;
  }

  const httpsUrl = (id: string): string => cluster.httpUrl(id).replace('http:', 'https:');

  test('with http.plain, the gate, scrapes, HAProxy and the admin command work at each member and each step', async () => {
    for (const [step, updated] of ids.entries()) {
      const next = ids[(step + 1) % ids.length]!;
      await until(async () => (await statusOf('http', next, `/cluster/health?stop=${updated}`)) === 200);
      await restart(updated, { plain: true, tls });
      await cluster.serving(...ids);
      for (const id of ids) {
        // The gate may be asked at a member of either kind.
        await until(async () => (await statusOf('http', id, `/cluster/health?stop=${next}`)) === 200);
        for (const path of paths) expect(await statusOf('http', id, path)).toBe(200);
        expect(await admin(cluster.httpUrl(id), 'members')).toMatch(/a .*\n.*b .*\n.*c /);
      }
      for (const id of ids.slice(0, step + 1))
        for (const path of paths) expect(await statusOf('https', id, path)).toBe(200);
      await until(async () => (await healthyInProxy()).join() === ids.join());
      const schemes = ids.map((_, index) => (index <= step ? 'https' : undefined));
      for (const id of ids) {
        const targets = (await (await cluster.get(id, '/api/v1/prometheus/targets')).json()) as {
          labels: { __scheme__?: string };
        }[];
        expect(targets.map(({ labels }) => labels.__scheme__)).toEqual(schemes);
      }
    }
  });

  test('to HTTPS only, the gate works over HTTPS at each member and each step, and the admin command names the cause of a wrong scheme', async () => {
    for (const [step, updated] of ids.entries()) {
      const next = ids[(step + 1) % ids.length]!;
      await until(async () => (await statusOf('https', next, `/cluster/health?stop=${updated}`)) === 200);
      await restart(updated, { tls });
      await until(async () => (await statusOf('https', updated, '/readyz').catch(() => 0)) === 200);
      for (const id of ids)
        await until(async () => (await statusOf('https', id, `/cluster/health?stop=${next}`)) === 200);
      await expect(statusOf('http', updated, '/readyz')).rejects.toThrow();
    }
    expect(await admin(cluster.httpUrl('a'), 'status')).toContain('does it serve HTTPS only (http.tls)?');
    expect(await admin(httpsUrl('a'), 'status')).toContain('--ca FILE');
    await restart('a', { tls: {} });
    await cluster.serving('a');
    expect(await admin(httpsUrl('a'), 'status')).toContain('does it serve HTTPS (http.tls)?');
  });
});
