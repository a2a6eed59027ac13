import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Alerts whose cause a planned stop must not hide. */
const neverSilenced = ['MqttClusterMessagesLost', 'MqttClusterMajorityLost', 'MqttClusterWatchdog'];

function silenced(): string[] {
  const text = readFileSync(join(root, 'ansible/roles/maintenance/defaults/main.yml'), 'utf8');
  const [, list = ''] = /^maintenance_alerts:\n((?: {2}- \w+\n)+)/m.exec(text) ?? [];
  return [...list.matchAll(/- (\w+)/g)].map(([, name]) => name!);
}

test('the playbooks silence only alerts that exist, and no alert about a loss', () => {
  const folder = join(root, 'monitoring/prometheus/alerts');
  const alerts = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const existing = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name]) => name!);
  expect(existing).toEqual(expect.arrayContaining(neverSilenced));
  expect(silenced().length).toBeGreaterThan(0);
  expect(silenced().filter((name) => !existing.includes(name) || neverSilenced.includes(name))).toEqual([]);
});
