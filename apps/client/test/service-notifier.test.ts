import { silentLogger } from '@mqtt-cluster/contracts';
import type { Notifier } from '@mqtt-cluster/contracts';
import { ServiceNotifier } from '../src/service-notifier.ts';

test('ServiceNotifier sends READY only at the first connection, and reports a lost connection only in the status', () => {
  const sent: string[] = [];
  const record =
    (kind: string) =>
    async (text: unknown = ''): Promise<void> =>
      void sent.push(`${kind}${String(text)}`);
  const notifier: Notifier = {
    ready: record('READY'),
    status: record('STATUS '),
    watchdog: record('WATCHDOG'),
    extendStart: record('EXTEND'),
    stopping: record('STOPPING'),
    watchdogIntervalMs: null,
  };
  let connected = false;
  const status = () => ({ connected, text: connected ? 'connected' : 'not connected' });
  const serviceNotifier = new ServiceNotifier({ notifier, logger: silentLogger, status });
  serviceNotifier.report();
  connected = true;
  serviceNotifier.report();
  connected = false;
  for (let second = 0; second < 5; second++) serviceNotifier.report();
  connected = true;
  for (let second = 0; second < 5; second++) serviceNotifier.report();
  serviceNotifier.stop();
  expect(sent).toEqual([
    'STATUS not connected',
    'READY',
    'STATUS connected',
    'STATUS not connected',
    'STATUS connected',
    'STOPPING',
  ]);
});
