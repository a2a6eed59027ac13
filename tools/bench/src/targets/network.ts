import { connect, createServer } from 'node:net';
import { RawClient } from '../generator/client.ts';
import type { Endpoint } from '../generator/load.ts';
import { encodeDisconnect, packetTypes, publishTemplate } from '../wire.ts';
import { hasEnded, lastWords } from '../processes.ts';
import type { RunningTarget } from './target.ts';

const readyMsMax = 45_000;
const attemptMsMax = 2_000;
const retryMs = 100;

/** A port that was free a moment ago. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error(`no port at ${host}`);
  return address.port;
}

/**
 * Waits until every endpoint accepts a persistent session and acknowledges a QoS 1 publish.
 * @throws Error not in time, or a process has ended
 */
export async function waitUntilReady(target: RunningTarget): Promise<void> {
  const untilMs = performance.now() + readyMsMax;
  for (const [position, endpoint] of target.endpoints.entries()) {
    for (;;) {
      const ended = target.processes.find(({ child }) => hasEnded(child));
      if (ended !== undefined) throw new Error(`${ended.name} has ended: ${lastWords(ended)}`);
      if (await answers(endpoint, `probe-${position}`)) break;
      if (performance.now() > untilMs) {
        const first = target.processes[0];
        throw new Error(`not ready in time: ${first === undefined ? '' : lastWords(first)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

async function answers(endpoint: Endpoint, id: string): Promise<boolean> {
  if (!(await accepts(endpoint))) return false;
  let client: RawClient | null = null;
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), attemptMsMax);
  });
  tooLong.catch(() => undefined);
  try {
    const opening = RawClient.open(endpoint, id, false, () => undefined);
    opening.then((opened) => (client = opened)).catch(() => undefined);
    const opened = await Promise.race([opening, tooLong]);
    const acknowledged = new Promise<void>((resolve) => {
      opened.onPackets((first) => {
        if (first >> 4 === packetTypes.puback) resolve();
      });
    });
    const { bytes, packetIdAt } = publishTemplate(`bench/${id}`, 1, 16);
    bytes.writeUInt16BE(1, packetIdAt);
    opened.socket.write(bytes);
    await Promise.race([acknowledged, tooLong]);
    opened.socket.write(encodeDisconnect());
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    (client as RawClient | null)?.destroy();
  }
}

function accepts({ host, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
