import type { Attack } from './attack.ts';
import { controls } from './controls.ts';
import { identityAttacks } from './identity.ts';
import { memoryAttacks } from './memory.ts';
import { socketAttacks } from './sockets.ts';

/** All rows, in the order of the table: the controls, then the attacks. */
export const attacks: readonly Attack[] = [
  ...controls,
  ...socketAttacks,
  ...memoryAttacks,
  ...identityAttacks,
];
