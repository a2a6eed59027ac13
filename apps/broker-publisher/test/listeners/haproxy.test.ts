import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, until } from '@mqtt-cluster/testing';
import mqtt from 'mqtt';
import { TestCluster } from '../support/test-cluster.ts';

requiring('haproxy')('a listener behind HAProxy', () => {
  let directory: string;
  let cluster: TestCluster;
  /** A cluster whose administrators have a token, because a listener behind a proxy ends the trust in this host. */
  let administered: TestCluster;
  let proxy: ChildProcess;
  let direct = 0;
  let front = 0;
  let administeredFront = 0;
  const token = 'a-token-of-administrators';

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'haproxy-'));
    let other = 0;
    [direct = 0, front = 0, other = 0, administeredFront = 0] = await freePorts(4);
    const behindProxy = (port: number): object => ({
      listeners: [{ name: 'proxied', host, port, anonymous: true, proxy: [host, '127.0.0.1'] }],
    });
    cluster = await TestCluster.start(['a'], { mqtt: behindProxy(direct) });
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, token);
    administered = await TestCluster.start(['b'], { mqtt: behindProxy(other), admin: { tokenFile } });
    const section = (name: string, from: number, to: number): string[] => [
      ...[`listen ${name}`, `bind ${host}:${from}`],
      `server ${name} ${host}:${to} send-proxy-v2 check check-send-proxy inter 100ms`,
    ];
    const configuration = [
      ...['defaults', 'mode tcp', 'timeout connect 5s', 'timeout client 60s', 'timeout server 60s'],
      ...section('a', front, direct),
      ...section('b', administeredFront, other),
      '',
    ];
    writeFileSync(join(directory, 'haproxy.cfg'), configuration.join('\n'));
    proxy = spawn('haproxy', ['-f', join(directory, 'haproxy.cfg'), '-db'], { stdio: 'ignore' });
  });

  afterAll(async () => {
    proxy.kill();
    await once(proxy, 'exit');
    await cluster.close();
    await administered.close();
    rmSync(directory, { recursive: true });
  });

  test('serves clients of the proxy, and counts none of its health checks as a failure', async () => {
    const connected = () => mqtt.connectAsync(`mqtt://${host}:${front}`, { reconnectPeriod: 0 }, false);
    let client: mqtt.MqttClient | undefined;
    await until(async () => (client = await connected().catch(() => undefined)) !== undefined);
    await client!.publishAsync('t', 'x', { qos: 1 });
    await client!.endAsync();
    const metrics = await cluster.metrics('a');
    for (const reason of ['proxy_header', 'timeout', 'malformed', 'other'])
      expect(metrics.value('connection_refusals_total', `reason="${reason}"`)).toBe(0);
  });

  test('sees the address of the client, and not that of the proxy', async () => {
    // Other systems than Linux have only one loopback address.
    const localAddress = process.platform === 'linux' ? '127.0.0.77' : host;
    const open = () => connect({ host, port: administeredFront, localAddress });
    const connected = async (): Promise<mqtt.MqttClient | null> => {
      const client = new mqtt.MqttClient(open, { clientId: 'far', reconnectPeriod: 0 });
      client.on('error', () => undefined);
      await new Promise<void>((resolve) => {
        client.once('connect', () => resolve());
        client.once('close', () => resolve());
      });
      return client.connected ? client : null;
    };
    let client: mqtt.MqttClient | null = null;
    await until(async () => (client = await connected()) !== null);
    const response = await fetch(`${administered.httpUrl('b')}/api/v1/clients/far`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await response.json()).toMatchObject({ address: localAddress });
    await (client as mqtt.MqttClient | null)?.endAsync();
  });

  test('gives requests from loopback no trust, because a proxy on this host may pass requests of other hosts on', async () => {
    const response = await fetch(`${cluster.httpUrl('a')}/drain?exit=false`, { method: 'POST' });
    expect(response.ok).toBe(false);
    expect(await response.text()).toContain('administration needs a token');
    expect((await cluster.status('a')).state).toBe('serving');
  });

  test('refuses a client that does not come through the proxy', async () => {
    const url = `mqtt://${host}:${direct}`;
    await expect(
      mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 2_000 }, false),
    ).rejects.toThrow();
  });
});
