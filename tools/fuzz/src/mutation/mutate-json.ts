import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';

/** Part of the values of an object or array that is changed, at each level. */
const changedShare = 0.15;
const longText = 'x'.repeat(70_000);

const values: readonly unknown[] = [
  ...[null, true, false, 0, -1, 3, 1.5, 2 ** 53, 1e300, '', 'x', ' ', '\u0000', '\ud800', 'é/+', longText],
  ...[
    [],
    {},
    [[]],
    [null],
    { x: null },
    '__proto__',
    'constructor',
    '1',
    Array.from({ length: 2_000 }, () => 'x'),
  ],
];

/** Returns a copy of a JSON value in which some parts are other values, absent, renamed or repeated. Some copies are equal. */
export function mutateJson(random: Random, value: unknown): unknown {
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => {
      const changed = random() < changedShare ? pick(random, values) : mutateJson(random, item);
      return Array.from({ length: random() < changedShare ? between(random, 0, 3) : 1 }, () => changed);
    });
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value)
    .filter(() => random() >= changedShare)
    .map(([name, item]): [string, unknown] => [
      random() < changedShare / 10 ? `${name}x` : name,
      random() < changedShare ? pick(random, values) : mutateJson(random, item),
    ]);
  return Object.fromEntries(fields);
}
