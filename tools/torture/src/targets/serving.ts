import { acknowledgesPublish, holdsWithin } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';

const servingMsMax = 60_000;
const attemptMsMax = 3_000;
const retryMs = 200;

/**
 * Waits until every server acknowledges a QoS 1 message. @throws TortureError with the name of a server that
 * acknowledges no message in time
 */
export async function waitUntilServing(servers: readonly ServerAddress[]): Promise<void> {
  await Promise.all(servers.map((server, position) => waitForOne(server, `torture-ready-${position}`)));
}

async function waitForOne(server: ServerAddress, clientId: string): Promise<void> {
  const attempt = (): Promise<boolean> =>
    acknowledgesPublish({ server, clientId, timeoutMs: attemptMsMax }, `torture/ready/${clientId}`);
  if (await holdsWithin(attempt, { timeoutMs: servingMsMax, intervalMs: retryMs })) return;
  const { id, host, port } = server;
  throw new TortureError(
    `${id} (${host}:${port}) acknowledged no QoS 1 message within ${servingMsMax / 1_000} s`,
  );
}
