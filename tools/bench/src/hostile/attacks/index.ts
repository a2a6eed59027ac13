import type { Attack } from './attack.ts';
import { controls } from './controls.ts';
import { identityAttacks } from './identity.ts';
import { everything, memoryAttacks, sharedFloods } from './memory.ts';
import { socketAttacks } from './sockets.ts';

/** All rows, in the order of the table: the controls, then the attacks. */
export const attacks: readonly Attack[] = [
  ...controls,
  ...socketAttacks,
  ...memoryAttacks,
  ...identityAttacks,
];

/** Further attacks, which only `bench memory` runs. */
export const memoryFloods: readonly Attack[] = [...sharedFloods, everything];
