import { withShortConnection } from '@mqtt-cluster/workload';
import type { Server } from '@mqtt-cluster/workload';
import { TortureError } from '../errors.ts';

const servingMsMax = 60_000;
const attemptMsMax = 3_000;
const retryMs = 200;

/** Until every server acknowledges a QoS 1 message. @throws TortureError naming the first that does not in time */
export async function waitUntilServing(servers: readonly Server[]): Promise<void> {
  const deadline = performance.now() + servingMsMax;
  await Promise.all(servers.map((server, position) => waitForOne(server, position, deadline)));
}

async function waitForOne(server: Server, position: number, deadline: number): Promise<void> {
  while (!(await acknowledges(server, `torture-ready-${position}`))) {
    if (performance.now() > deadline) {
      const { id, host, port } = server;
      throw new TortureError(`${id} (${host}:${port}) acknowledges no message in ${servingMsMax / 1_000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

async function acknowledges(server: Server, clientId: string): Promise<boolean> {
  const answer = await withShortConnection<true>(server, clientId, attemptMsMax, (wire, finish) => ({
    onConnected: () =>
      wire().send({
        cmd: 'publish',
        topic: `torture/ready/${clientId}`,
        qos: 1,
        retain: false,
        dup: false,
        payload: '',
        messageId: 1,
      }),
    onPacket: ({ cmd }) => {
      if (cmd === 'puback') finish(true);
    },
  }));
  return answer ?? false;
}
