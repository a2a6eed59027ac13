import { readFileSync } from 'node:fs';
import { httpPaths } from '../src/http/http-paths.ts';

const names = { 'HTTP paths': Object.values(httpPaths) };

// A name may be added to the list. A name that is in it stays: Prometheus, load balancers and playbooks use it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s are those of the committed list', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
