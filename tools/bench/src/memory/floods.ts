import { attacks, memoryFloods } from '../hostile/attacks/index.ts';
import type { Attack } from '../hostile/attacks/attack.ts';

/** Attacks that fill memory, each in another way. */
const names = [
  'queue-bytes',
  'retained-count',
  'large-retained',
  'unreleased-qos2',
  'retained-of-many',
  'large-filters',
  'filters-of-many',
  'large-wills',
  'sessions',
  'idle-connections',
  'silent-clients',
  'connect-flood',
  'unfinished-packets',
  'idle-http',
  'everything',
];

/** The floods of `bench memory`, in the order of its table. */
export const floods: readonly Attack[] = names.map((name) => {
  const attack = [...attacks, ...memoryFloods].find((each) => each.name === name);
  if (attack === undefined) throw new Error(`no attack ${name}`);
  return attack;
});
