import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { clientProgramMetrics } from '@mqtt-cluster/metric-catalogue';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import { schema } from '../src/config.ts';
import { createProgram } from '../src/program.ts';
import { stockBroker } from './support/stock-broker.ts';

const pollMs = 10;

/** The values of a metrics page by series, and the names of all metrics that have a value. */
class Page {
  readonly names = new Set<string>();
  readonly #values = new Map<string, number>();

  constructor(text: string) {
    const histograms = new Set([...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map((match) => match[1]));
    for (const [, series = '', value] of text.matchAll(/^([a-z]\S*) (\S+)$/gm)) {
      this.#values.set(series, Number(value));
      const name = series.replace(/\{.*/, '');
      const base = name.replace(/_(bucket|sum|count)$/, '');
      this.names.add(histograms.has(base) ? base : name);
    }
  }

  value(series: string): number {
    return this.#values.get(`mqtt_cluster_client_${series}`) ?? NaN;
  }

  perQos(name: string): number[] {
    return [0, 1, 2].map((qos) => this.value(`${name}{qos="${qos}"}`));
  }
}

function telemetry(number: number): string {
  const base = { group: 'g', signal: 's', sentAt: Date.now(), value: 1, run: 'r' };
  return JSON.stringify({ ...base, number } satisfies TelemetryPayload);
}

requiring('openssl')('the metrics of the client', () => {
  test('the metrics page has exactly the metrics of the catalogue, and their values match the received messages', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'client-metrics-'));
    const authority = new TestAuthority(directory);
    const server = await stockBroker({ tls: authority.issueServer('server', '127.0.0.1') });
    const program = await createProgram(
      schema.parse({
        id: 'app',
        servers: [`a=${server.url}`],
        http: { host: '127.0.0.1', port: 0 },
        tls: { ca: authority.caFile },
      }),
      'test',
      silentLogger,
    );
    const timings = { retryDelayMsMin: 5, retryDelayMsMax: 20, stopDrainMsMax: 500 };
    const source = createFailoverClient({
      servers: [{ url: server.url }],
      clientId: 'source',
      tls: { ca: authority.ca },
      discover: false,
      timings,
    });
    const read = async (): Promise<Page> => {
      const { host, port } = program.address();
      return new Page(await (await fetch(`http://${host}:${port}/metrics`)).text());
    };
    const until = async (holds: (page: Page) => boolean): Promise<Page> => {
      for (;;) {
        const page = await read();
        if (holds(page)) return page;
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    };
    const publish = (number: number, qos: QoS): Promise<void> =>
      source.publish(telemetryTopic('g', 's', qos), telemetry(number), { qos });
    try {
      await program.start();
      await source.start();
      await source.connected();
      await server.subscribed('app');
      // 2 is a duplicate, 5 leaves 3 and 4 missing, and 4 is late.
      for (const number of [1, 2, 2, 5, 4]) await publish(number, 1);
      await publish(1, 2);
      await publish(1, 0);
      await source.publish(telemetryTopic('g', 's', 0), 'not telemetry');
      const page = await until(
        (seen) => seen.perQos('received_total').join() === '1,5,1' && seen.value('foreign_total') === 1,
      );
      expect(page.perQos('missing_messages')).toEqual([0, 1, 0]);
      expect(page.perQos('duplicates_total')).toEqual([0, 1, 0]);
      expect(page.perQos('out_of_order_total')).toEqual([0, 1, 0]);
      expect(page.perQos('end_to_end_seconds_count')).toEqual([1, 4, 1]);
      expect(page.value('violations')).toBe(1);
      expect([page.value('connected'), page.value('connections'), page.value('redundancy')]).toEqual([
        1, 1, 1,
      ]);
      expect(page.value('server_info{server="a"}')).toBe(1);
      expect([page.value('connects_total'), page.value('failovers_total')]).toEqual([1, 0]);
      expect([page.value('gap_seconds_count'), page.value('last_gap_seconds')]).toEqual([0, 0]);
      const names = [...page.names].filter((name) => !/^(process|nodejs)_/.test(name)).sort();
      expect(names).toEqual(clientProgramMetrics.map(({ name }) => name).sort());

      server.cut();
      const after = await until(
        (seen) => seen.value('connects_total') === 2 && seen.value('connected') === 1,
      );
      expect(after.value('gap_seconds_count')).toBe(1);
      expect(after.value('last_gap_seconds')).toBe(after.value('gap_seconds_sum'));
      expect(after.value('failovers_total')).toBe(0);
    } finally {
      await Promise.all([program.stop(), source.stop()]);
      await server.stop();
      rmSync(directory, { recursive: true });
    }
  });
});
