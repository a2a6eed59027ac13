import { readFileSync } from 'node:fs';
import { metricCatalogue } from '../src/index.ts';

const names = {
  metrics: metricCatalogue.map(
    ({ name, type, labels = [] }) => `${name} ${type}${labels.map((label) => ` ${label}`).join('')}`,
  ),
  'label values': Object.fromEntries(
    metricCatalogue.flatMap(({ name, values }) =>
      Object.entries(values).flatMap(([label, listed]) =>
        'oneFor' in listed ? [] : [[`${name} ${label}`, listed]],
      ),
    ),
  ),
};

// A name may be added to the list. A name that is in it stays: alerts, dashboards and rules of operators use it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s are those of the committed list', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
