import { readFileSync } from 'node:fs';
import { parseJson } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { httpPaths } from '../src/http/http-paths.ts';

const names = { 'HTTP paths': Object.values(httpPaths) };

// New names may be added to fixed-names.json, but none may be removed: Prometheus, load balancers and
// playbooks use these names.
const fixed = parseJson(
  z.record(z.string(), z.array(z.string())),
  readFileSync(new URL('fixed-names.json', import.meta.url)),
);

test.each(Object.entries(names))('the %s equal those in fixed-names.json', (kind, current) => {
  expect(current).toEqual(fixed?.[kind]);
});
