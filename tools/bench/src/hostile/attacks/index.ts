import type { Attack } from './attack.ts';
import { identityAttacks } from './identity.ts';
import { memoryAttacks } from './memory.ts';
import { socketAttacks } from './sockets.ts';

/** All attacks, in the order of the table. */
export const attacks: readonly Attack[] = [...socketAttacks, ...memoryAttacks, ...identityAttacks];
