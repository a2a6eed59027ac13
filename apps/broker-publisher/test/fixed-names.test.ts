import { readFileSync } from 'node:fs';
import { environmentVariables } from '@mqtt-cluster/runtime';
import { adminCommands, adminOptions } from '../src/admin/arguments.ts';
import { adminPaths } from '../src/admin/paths.ts';
import { schema } from '../src/config.ts';
import { systemValues } from '../src/observability/system-values.ts';
import { faultsSchema } from '../src/fault-injection/fault-injection.ts';
import type { MemberStatus } from '@mqtt-cluster/contracts';

const names = {
  settings: environmentVariables(schema, 'MQTT_CLUSTER').map(({ name, path }) => `${path.join('.')} ${name}`),
  faults: environmentVariables(faultsSchema, 'FAULT').map(({ path }) => path.join('.')),
  'admin paths': Object.values(adminPaths).sort(),
  'admin commands': adminCommands,
  'admin options': adminOptions,
  '$SYS topics': Object.keys(systemValues({ peers: {} } as MemberStatus, { dropped: 0, accepts: true })),
};

// A name may be added to the list. A name that is in it stays: playbooks, scripts and clients use it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s are those of the committed list', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
