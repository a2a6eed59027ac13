import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, TestAuthority, within } from '@mqtt-cluster/testing';
import { TestCluster } from '../support/test-cluster.ts';

/** MQTT.js for browsers. */
const library = new URL('../../../../node_modules/mqtt/dist/mqtt.min.js', import.meta.url);
/** Messages that the page publishes in one turn. MQTT.js sends them in one WebSocket message. */
const messages = 500;
const payloadBytes = 1_000;

/** A page that publishes messages to itself, and reports the number that it received, or the first error. */
function pageFor(url: string): string {
  return `<!doctype html><script src="/mqtt.js"></script><script>
    const report = (text) => fetch('/result', { method: 'POST', body: text });
    const client = mqtt.connect(${JSON.stringify(url)}, { protocolVersion: 5, reconnectPeriod: 0 });
    let received = 0;
    client.on('message', () => { if (++received === ${messages}) report('received ' + received); });
    client.on('close', () => report('closed after ' + received));
    client.on('connect', () => client.subscribe('page', { qos: 1 }, () => {
      for (let count = 0; count < ${messages}; count++)
        client.publish('page', 'x'.repeat(${payloadBytes}), { qos: 1 });
    }));
  </script>`;
}

requiring('chromium', 'openssl')('a page in Chromium', () => {
  let directory: string;
  let cluster: TestCluster;
  let spki: string;
  let url: string;
  let allowedPort = 0;
  const servers: Server[] = [];
  const browsers: ChildProcess[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'browser-'));
    const { keyFile, certFile, cert } = new TestAuthority(directory).issueServer('server', host);
    const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
    spki = createHash('sha256').update(key).digest('base64');
    const [port = 0, pagePort = 0] = await freePorts(2);
    allowedPort = pagePort;
    url = `wss://${host}:${port}/mqtt`;
    const listener = { name: 'web', kind: 'wss', host, port, anonymous: true };
    const tls = { key: keyFile, cert: certFile };
    const origins = [`http://${host}:${allowedPort}`];
    cluster = await TestCluster.start(['a'], { mqtt: { listeners: [{ ...listener, tls, origins }] } });
  });

  afterAll(async () => {
    for (const browser of browsers) {
      browser.kill('SIGKILL');
      if (browser.exitCode === null && browser.signalCode === null) await once(browser, 'exit');
    }
    for (const server of servers) server.close();
    await cluster.close();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Serves the page at the port, opens it in the browser, and returns its first report. */
  async function open(port: number): Promise<string> {
    const reported = new Promise<string>((resolve) => {
      const server = createServer((request, response) => {
        if (request.url === '/result') {
          const chunks: Buffer[] = [];
          request.on('data', (chunk: Buffer) => chunks.push(chunk));
          request.on('end', () => resolve(Buffer.concat(chunks).toString()));
          response.end();
        } else if (request.url === '/mqtt.js') response.end(readFileSync(library));
        else response.setHeader('content-type', 'text/html').end(pageFor(url));
      });
      servers.push(server.listen(port, host));
    });
    const server = servers.at(-1)!;
    if (!server.listening) await once(server, 'listening');
    const address = `http://${host}:${(server.address() as AddressInfo).port}/`;
    const profile = mkdtempSync(join(directory, 'profile-'));
    const options = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-proxy-server',
    ];
    const trust = `--ignore-certificate-errors-spki-list=${spki}`;
    const parameters = [...options, `--user-data-dir=${profile}`, trust, address];
    browsers.push(spawn('chromium', parameters, { stdio: 'ignore', env: { ...process.env, HOME: profile } }));
    return within(reported, () => 'a report of the page');
  }

  test('of a permitted origin receives over wss what it publishes in one turn', async () => {
    expect(await open(allowedPort)).toBe(`received ${messages}`);
  });

  test('of another origin is refused', async () => {
    expect(await open(0)).toBe('closed after 0');
  });
});
