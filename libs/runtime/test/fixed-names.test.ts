import { readFileSync } from 'node:fs';
import { parseJson } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { httpPaths } from '../src/http/http-paths.ts';

const names = { 'HTTP paths': Object.values(httpPaths) };

// A name may be added to the list, but must never be removed: Prometheus, load balancers and playbooks use these names.
const fixed = parseJson(
  z.record(z.string(), z.array(z.string())),
  readFileSync(new URL('fixed-names.json', import.meta.url)),
);

test.each(Object.entries(names))('the %s match the committed list', (kind, current) => {
  expect(current).toEqual(fixed?.[kind]);
});
