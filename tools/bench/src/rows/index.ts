import { connectRow } from './connect.ts';
import { fanOutRow } from './fan-out.ts';
import { filtersRow } from './filters.ts';
import { idleClientsRow } from './idle-clients.ts';
import { queueRow } from './queue.ts';
import { stormRow } from './storm.ts';
import type { Row } from './row.ts';

/** All rows, in the order of their measurement. */
export const rows: readonly Row[] = [connectRow, idleClientsRow, fanOutRow, filtersRow, queueRow, stormRow];
