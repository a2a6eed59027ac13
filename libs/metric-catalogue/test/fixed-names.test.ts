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

// A change may add a name to the list but must not remove a name: alerts, dashboards and rules of operators
// use the names.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))(
  'the %s of the catalogue equal the list in fixed-names.json',
  (kind, current) => {
    expect(current).toEqual(fixed[kind]);
  },
);
