import { silentLogger, telemetryTopic } from '@mqtt-cluster/contracts';
import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { createFailoverClient } from '@mqtt-cluster/failover-client';
import { Application } from '../src/application.ts';
import type { ApplicationStatus } from '../src/application.ts';
import { stockBroker } from './support/stock-broker.ts';

function telemetry(number: number): string {
  const payload: TelemetryPayload = {
    group: 'g',
    signal: 's',
    number,
    sentAt: Date.now(),
    value: 1,
    run: 'r',
  };
  return JSON.stringify(payload);
}

test('the application receives messages of all QoS levels without violations, also after a lost connection', async () => {
  const server = await stockBroker();
  const timings = { retryDelayMsMin: 5, retryDelayMsMax: 20, stopDrainMsMax: 500 };
  const servers = [{ url: server.url }];
  const application = new Application({
    client: { servers, clientId: 'app', session: 'persistent', discover: false, timings },
    group: '+',
    qosLevels: [0, 1, 2],
    metrics: noMetrics,
    logger: silentLogger,
  });
  const source = createFailoverClient({ servers, clientId: 'source', discover: false, timings });
  const until = (holds: (status: ApplicationStatus) => boolean): Promise<void> =>
    new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!holds(application.status())) return;
        clearInterval(timer);
        resolve();
      }, 10);
    });
  const received = ({ byQos }: ApplicationStatus): number =>
    byQos.reduce((sum, each) => sum + each.received, 0);
  const publish = async (number: number, qos: QoS): Promise<void> => {
    await source.publish(telemetryTopic('g', 's', qos), telemetry(number), { qos });
  };
  try {
    await application.start();
    await source.start();
    await source.connected();
    await server.subscribed('app');
    for (const qos of [0, 1, 2] as const) await publish(1, qos);
    await until((status) => received(status) === 3);
    // Aedes may deliver a QoS 2 message twice if the connection is cut during its handshake, so no handshake may be open.
    await server.acked(2);
    server.cut();
    await until(({ client }) => client.connects === 2 && client.connected);
    for (const number of [2, 3]) await Promise.all([publish(number, 1), publish(number, 2)]);
    await until((status) => received(status) === 7);
    const { byQos, violations, gaps } = application.status();
    expect(violations).toEqual([]);
    expect(byQos.map(({ missing }) => missing)).toEqual([0, 0, 0]);
    expect(gaps.count).toBeGreaterThanOrEqual(1);
  } finally {
    await Promise.all([application.stop(), source.stop()]);
    await server.stop();
  }
});
