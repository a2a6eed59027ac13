import { acknowledgesPublish } from '@mqtt-cluster/kit';
import type { RunningTarget } from './target.ts';

const readyMsMax = 45_000;
const attemptMsMax = 2_000;
const retryMs = 100;

/**
 * Waits until every endpoint accepts a persistent session and acknowledges a QoS 1 message.
 *
 * @throws Error when an endpoint is not ready in time, or when a process of the target has ended
 */
export async function waitUntilReady(target: RunningTarget): Promise<void> {
  const deadlineMs = performance.now() + readyMsMax;
  for (const [position, { host, port, access }] of target.endpoints.entries()) {
    const clientId = `probe-${position}`;
    const server = { id: clientId, host, port, ...(access && { access }) };
    const options = { server, clientId, timeoutMs: attemptMsMax, clean: false };
    while (!(await acknowledgesPublish(options, `bench/${clientId}`))) {
      const ended = target.processes.find(({ program }) => program.hasEnded);
      if (ended !== undefined) throw new Error(`${ended.name} has ended: ${ended.program.lastLogLines()}`);
      if (performance.now() > deadlineMs) {
        const log = target.processes[0]?.program.lastLogLines() ?? '';
        throw new Error(`${host}:${port} is not ready after ${readyMsMax / 1_000} s: ${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
