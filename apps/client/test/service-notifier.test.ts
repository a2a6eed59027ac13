import { silentLogger } from '@mqtt-cluster/contracts';
import type { Notifier } from '@mqtt-cluster/contracts';
import { ServiceManager } from '../src/service-notifier.ts';

test('READY comes once, with the first connection; a lost one is only a status', () => {
  const told: string[] = [];
  const tell =
    (what: string) =>
    async (text: unknown = ''): Promise<void> =>
      void told.push(`${what}${String(text)}`);
  const notifier: Notifier = {
    ready: tell('READY'),
    status: tell('STATUS '),
    watchdog: tell('WATCHDOG'),
    extendStart: tell('EXTEND'),
    stopping: tell('STOPPING'),
    watchdogIntervalMs: null,
  };
  let connected = false;
  const status = () => ({ connected, text: connected ? 'connected' : 'not connected' });
  const manager = new ServiceManager({ notifier, logger: silentLogger, status });
  manager.tell();
  connected = true;
  manager.tell();
  connected = false;
  for (let second = 0; second < 5; second++) manager.tell();
  connected = true;
  for (let second = 0; second < 5; second++) manager.tell();
  manager.stop();
  expect(told).toEqual([
    'STATUS not connected',
    'READY',
    'STATUS connected',
    'STATUS not connected',
    'STATUS connected',
    'STOPPING',
  ]);
});
