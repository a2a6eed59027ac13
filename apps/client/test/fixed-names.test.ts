import { readFileSync } from 'node:fs';
import { parseJson } from '@mqtt-cluster/contracts';
import { environmentVariables } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import { schema } from '../src/config.ts';

const names = {
  settings: environmentVariables(schema, 'MQTT_CLIENT').map(({ name, path }) => `${path.join('.')} ${name}`),
};

// A name may be added to the list, but must never be removed: playbooks and configuration files use these names.
const fixed = parseJson(
  z.record(z.string(), z.array(z.string())),
  readFileSync(new URL('fixed-names.json', import.meta.url)),
);

test.each(Object.entries(names))('the %s of the program match the committed list', (kind, current) => {
  expect(current).toEqual(fixed?.[kind]);
});
