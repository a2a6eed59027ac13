import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, requiring, until } from '@mqtt-cluster/testing';
import { parse, stringify } from 'yaml';
import { foreignMetrics } from './foreign-metrics.ts';
import { RunningProgram } from './running-programs.ts';
import { monitoring } from './support.ts';

const startMsMax = 120_000;
/** Prometheus sends an alert with an end time of four times this interval. */
const evaluationSeconds = 1;

interface Configuration {
  readonly route: { readonly routes: readonly { receiver: string; group_interval: string }[] };
  readonly receivers: readonly { name: string }[];
}

/** Returns the product's configuration, with one receiver that sends to an URL, and with short intervals for it. */
function withReceiver(url: string): string {
  const file = join(monitoring, 'alertmanager', 'alertmanager.yml');
  const { route, receivers, ...rest } = parse(readFileSync(file, 'utf8')) as Configuration;
  const faster = { group_interval: '1s', repeat_interval: '1s' };
  const webhook = { webhook_configs: [{ url, send_resolved: false }] };
  return stringify({
    ...rest,
    route: {
      ...route,
      routes: route.routes.map((each) => ({ ...each, ...(each.receiver === 'dead-man' ? faster : {}) })),
    },
    receivers: receivers.map(({ name }) => ({ name, ...(name === 'dead-man' ? webhook : {}) })),
  });
}

/** A member with an empty metrics page, and the receiver of the dead man's switch. */
class Outside {
  notifications: string[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        if (request.url === '/dead-man') this.#receive(body);
        response.end();
      });
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, host, resolve));
    return `${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #receive(body: string): void {
    const { alerts } = JSON.parse(body) as { alerts: { labels: { alertname: string } }[] };
    this.notifications.push(...alerts.map(({ labels }) => labels.alertname));
  }
}

requiring('prometheus', 'prometheus-alertmanager')("the dead man's switch", () => {
  let folder = '';
  const outside = new Outside();
  let prometheus: RunningProgram;
  let alertmanager: RunningProgram;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqtt-cluster-dead-man-'));
    const member = await outside.start();
    const [ownPort, alertsPort] = await freePorts(2);
    const [own, alerts] = [`${host}:${ownPort}`, `${host}:${alertsPort}`];
    writeFileSync(join(folder, 'alertmanager.yml'), withReceiver(`http://${member}/dead-man`));
    alertmanager = await RunningProgram.start(
      'prometheus-alertmanager',
      [
        `--config.file=${join(folder, 'alertmanager.yml')}`,
        `--storage.path=${folder}`,
        `--web.listen-address=${alerts}`,
        '--cluster.listen-address=',
      ],
      alerts,
    );
    const interval = `${evaluationSeconds}s`;
    const target = (job: string, address: string): object => ({
      job_name: job,
      static_configs: [{ targets: [address], labels: { site: 'north' } }],
    });
    const configuration = {
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: [join(monitoring, 'prometheus', 'alerts', '*.yml')],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alerts] }] }] },
      scrape_configs: [
        target('mqtt-cluster-broker', member),
        target('prometheus', own),
        target('alertmanager', alerts),
      ],
    };
    writeFileSync(join(folder, 'prometheus.yml'), stringify(configuration));
    prometheus = await RunningProgram.start(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${own}`,
        // The default delay of a notification is a minute.
        '--rules.alert.resend-delay=1s',
      ],
      own,
    );
  }, 2 * startMsMax);

  afterAll(async () => {
    await prometheus?.kill();
    await alertmanager?.kill();
    await outside.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    'has a receiver of its own, which is notified again and again while Prometheus runs',
    async () => {
      await until(() => outside.notifications.length >= 3);
      expect(new Set(outside.notifications)).toEqual(new Set(['MqttClusterWatchdog']));
    },
    startMsMax,
  );

  it.each(['prometheus', 'alertmanager'] as const)(
    'is watched by metrics and labels that the installed %s exports',
    async (program) => {
      const { url } = program === 'prometheus' ? prometheus : alertmanager;
      const page = await (await fetch(`${url}/metrics`)).text();
      const missing = Object.entries(foreignMetrics[program]).filter(([name, labels]) => {
        const line = new RegExp(`^${name}(\\{.*\\})? `, 'm').exec(page);
        return line === null || !labels.every((label: string) => line[0].includes(`${label}="`));
      });
      expect(missing).toEqual([]);
    },
  );

  it(
    'is no longer notified after Prometheus has stopped',
    async () => {
      await prometheus.kill();
      const groups = async (): Promise<unknown> =>
        (await fetch(`${alertmanager.url}/api/v2/alerts/groups`)).json();
      // Alertmanager ends an alert that Prometheus no longer sends. Without a group it has nothing to send.
      await until(async () => JSON.stringify(await groups()) === '[]');
      expect(outside.notifications.length).toBeGreaterThanOrEqual(3);
    },
    startMsMax,
  );
});
