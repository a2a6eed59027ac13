import { join } from 'node:path';
import { startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import { attackedListeners } from './attacked-listeners.ts';
import type { AttackPorts } from './attacked-listeners.ts';

const members = 3;
/** A busy machine starts a cluster in minutes instead of seconds. */
const startMsMax = 600_000;

/**
 * Starts the attacked cluster. Its members reach each other without the links of the lab, which are in this process: the
 * attack would delay them.
 */
export function startAttackedCluster(folder: string, ports: AttackPorts): Promise<RunningCluster> {
  return startCluster({
    folder: join(folder, 'cluster'),
    members,
    firstPortShift: 6,
    logLevel: 'warn',
    startMsMax,
    overrides: [
      ['peers', '{peers}'],
      ['mqtt.listeners', attackedListeners(ports, folder)],
    ],
  });
}
