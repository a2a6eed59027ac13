import { readFileSync } from 'node:fs';
import { environmentVariables } from '@mqtt-cluster/runtime';
import { programNames } from '@mqtt-cluster/command-line';
import { memberHost } from '../src/admin/command-line.ts';
import { adminPaths } from '../src/admin/paths.ts';
import { configSchema } from '../src/config.ts';
import { systemTopics } from '../src/observability/system-topics.ts';
import { faultsSchema } from '../src/fault-injection/fault-injection.ts';
import type { MemberStatus } from '@mqtt-cluster/contracts';

const admin = programNames(memberHost(''));

const names = {
  settings: environmentVariables(configSchema, 'MQTT_CLUSTER').map(
    ({ name, path }) => `${path.join('.')} ${name}`,
  ),
  faults: environmentVariables(faultsSchema, 'FAULT').map(({ path }) => path.join('.')),
  'admin paths': Object.values(adminPaths).sort(),
  'admin commands': admin.commands.toSorted(),
  'admin options': admin.options.toSorted(),
  '$SYS topics': Object.keys(
    systemTopics({ peers: {} } as MemberStatus, { dropped: 0, expired: 0, accepts: true }),
  ),
};

// A change may add a name to the list but must not remove a name: playbooks, scripts and clients use the names.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))(
  'the %s of the appliance equal the list in fixed-names.json',
  (kind, current) => {
    expect(current).toEqual(fixed[kind]);
  },
);
