import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host, requiring, TestAuthority, until } from '@mqtt-cluster/testing';
import type { TestCertificate } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { MetricsPage } from '../support/metrics-page.ts';
import { TestCluster } from '../support/test-cluster.ts';

requiring('openssl')('HTTPS with client certificates and a revocation list', () => {
  let directory: string;
  let authority: TestAuthority;
  let cluster: TestCluster;
  let user: TestCertificate;

  const get = async (path: string): Promise<{ statusCode: number; text: string }> => {
    const { key, cert } = user;
    const { http: port } = cluster.portsOf('a');
    const [response] = (await once(
      request({ host, port, path, key, cert, ca: authority.ca, agent: false }).end(),
      'response',
    )) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { statusCode: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'http-revocation-'));
    authority = new TestAuthority(directory);
    const { keyFile, certFile } = authority.issueServer('member', host);
    // The cluster cannot wait until this member serves: it asks over plain HTTP.
    cluster = await TestCluster.create(['a'], {
      mqtt: { anonymous: true },
      http: { tls: { key: keyFile, cert: certFile, ca: authority.caFile, crl: authority.crlFile } },
    });
    await cluster.start('a');
    user = authority.issue('user');
    await until(async () => (await get('/readyz')).statusCode === 200);
  });

  afterAll(async () => {
    await cluster.close();
    rmSync(directory, { recursive: true });
  });

  const connect = ({ key, cert }: TestCertificate, more: IClientOptions = {}): Promise<MqttClient> =>
    mqtt.connectAsync(`wss://${host}:${cluster.portsOf('a').http}/mqtt`, {
      ...{ key, cert, ca: authority.ca, protocolVersion: 5, reconnectPeriod: 0, ...more },
    });

  test('the metrics page shows when the list expires', async () => {
    const metrics = new MetricsPage((await get('/metrics')).text);
    expect(metrics.value('revocation_list_expiry_timestamp_seconds', 'list="http"')).toBeGreaterThan(
      Date.now() / 1_000,
    );
  });

  test('a client at /mqtt whose certificate is revoked receives the reason, and its will is discarded', async () => {
    const revoked = authority.issue('revoked');
    const watcher = await connect(user);
    const received: string[] = [];
    watcher.on('message', (topic) => received.push(topic));
    await watcher.subscribeAsync(['will', 'end'], { qos: 1 });
    const will = { topic: 'will', payload: Buffer.from('x'), qos: 1 as const, retain: false };
    const client = await connect(revoked, { will });
    const reason = new Promise<number | undefined>((resolve) =>
      client.on('disconnect', ({ reasonCode }) => resolve(reasonCode)),
    );
    authority.revoke(revoked);
    await cluster.reload('a');
    expect(await reason).toBe(0x87);
    await until(async () => {
      const { connections } = JSON.parse((await get('/status')).text) as { connections: number };
      return connections === 1;
    });
    await watcher.publishAsync('end', 'x', { qos: 1 });
    await until(() => received.includes('end'));
    expect(received).toEqual(['end']);
    await expect(connect(revoked)).rejects.toThrow();
    await watcher.endAsync();
    client.end(true);
  });
});
