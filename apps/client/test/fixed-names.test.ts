import { readFileSync } from 'node:fs';
import { environmentVariables } from '@mqtt-cluster/runtime';
import { schema } from '../src/config.ts';

const names = {
  settings: environmentVariables(schema, 'MQTT_CLIENT').map(({ name, path }) => `${path.join('.')} ${name}`),
};

// A name may be added to the list. A name that is in it stays: playbooks and configuration files use it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s are those of the committed list', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
