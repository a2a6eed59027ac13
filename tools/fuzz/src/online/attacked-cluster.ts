import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { addClusterUser, startCluster } from '@mqtt-cluster/lab';
import type { RunningCluster } from '@mqtt-cluster/lab';
import { attackPassword, operatorUser, witnessUser } from '../mqtt/attack-access.ts';
import { writeAccessFiles } from './attack-users.ts';
import { attackedListeners } from './attacked-listeners.ts';
import type { AttackPorts } from './attacked-listeners.ts';

const members = 3;
/** A busy machine starts a cluster in minutes instead of seconds. */
const startMsMax = 600_000;

export interface AttackedCluster extends RunningCluster {
  /** The token of administrators. */
  readonly token: string;
  /** The user of the witness, and the secret text at the start of its messages. */
  readonly witness: { readonly username: string; readonly password: string; readonly mark: string };
}

/**
 * Starts the attacked cluster. Its listeners admit clients with and without a user, and rules apply to both. Its members reach
 * each other without the links of the lab, which are in this process: the attack would delay them.
 */
export async function startAttackedCluster(folder: string, ports: AttackPorts): Promise<AttackedCluster> {
  const { witnessPassword, token, ...files } = writeAccessFiles(join(folder, 'access'));
  const running = await startCluster({
    folder: join(folder, 'cluster'),
    members,
    firstPortShift: 6,
    logLevel: 'warn',
    startMsMax,
    overrides: [
      ['peers', '{peers}'],
      ['mqtt.listeners', attackedListeners(ports, folder)],
      ['mqtt.passwordFile', files.passwordFile],
      ['mqtt.aclFile', files.aclFile],
      ['admin.tokenFile', files.tokenFile],
    ],
  });
  try {
    const operator = { name: operatorUser, password: attackPassword, role: 'operator' } as const;
    await addClusterUser(running.cluster.layout.members[0]!, operator, { token, timeoutMs: startMsMax });
    const witness = {
      username: witnessUser,
      password: witnessPassword,
      mark: randomBytes(12).toString('hex'),
    };
    return { ...running, witness, token };
  } catch (error) {
    await running.end(true);
    throw error;
  }
}
