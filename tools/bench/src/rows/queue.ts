import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from '../generator/client.ts';
import { packetTypes, publishTemplate } from '../wire.ts';
import type { RunningTarget } from '../targets/target.ts';
import type { Row } from './row.ts';
import { residentOf, withRunning } from './with-running.ts';

const payloadBytes = 256;
/** Messages in the queue of each session: the bound of this cluster with default settings. */
const queuedOfEach = 1_000;
const window = 100;
/** Time after which the memory of the publishing is free again. */
const settleMs = 5_000;
const drainMsMax = 120_000;

/** Messages that wait for absent persistent sessions: memory, restart, and delivery when the clients return. */
export const queueRow: Row = {
  name: 'queue',
  title: 'queued messages of 256 bytes for absent sessions, 1,000 for each; --messages N',
  figures: [
    { name: 'memory of a message', unit: 'KiB', isLessBetter: true },
    { name: 'restart, empty', unit: 'ms', isLessBetter: true },
    { name: 'restart, filled', unit: 'ms', isLessBetter: true },
    { name: 'drain', unit: '/s', isLessBetter: false },
  ],
  async measure(context) {
    const sessions = Math.max(1, Math.round(context.given.messages / queuedOfEach));
    await withRunning(context, async () => undefined);
    const emptyMs = await withRunning(context, async (_, readyMs) => readyMs);
    const memory = await withRunning(context, async (running) => {
      await subscribeAndLeave(running, sessions);
      await publish(running, 0, 1);
      await delay(settleMs);
      const before = residentOf(running);
      await publish(running, 1, sessions);
      await delay(settleMs);
      return (residentOf(running) - before) / ((sessions - 1) * queuedOfEach) / 1024;
    });
    const filled = await withRunning(context, async (running, readyMs) => ({
      readyMs,
      drained: await drain(running, sessions),
    }));
    return [memory, emptyMs, filled.readyMs, filled.drained];
  },
};

function open(
  { endpoints }: RunningTarget,
  id: string,
  clean: boolean,
  onPacket?: Parameters<typeof RawClient.open>[4],
): Promise<RawClient> {
  return RawClient.open(endpoints[0]!, id, clean, () => undefined, onPacket);
}

async function subscribeAndLeave(running: RunningTarget, sessions: number): Promise<void> {
  for (let number = 0; number < sessions; number++) {
    const client = await open(running, `queue-${number}`, false);
    await client.subscribe(`queue/${number}`, 1);
    client.close();
  }
}

/** Publishes the messages of the sessions with numbers from `from` to `to` - 1. Resolves when all are acknowledged. */
async function publish(running: RunningTarget, from: number, to: number): Promise<void> {
  let failure: Error | null = null;
  const client = await RawClient.open(
    running.endpoints[0]!,
    'queue-publisher',
    true,
    (error) => (failure ??= error),
  );
  const templates = new Map<number, ReturnType<typeof publishTemplate>>();
  let sent = from * queuedOfEach;
  let acknowledged = sent;
  const end = to * queuedOfEach;
  const fill = (): void => {
    const parts: Buffer[] = [];
    for (; sent < end && sent - acknowledged < window; sent++) {
      const session = Math.floor(sent / queuedOfEach);
      const template = templates.get(session) ?? publishTemplate(`queue/${session}`, 1, payloadBytes);
      templates.set(session, template);
      const packet = Buffer.from(template.bytes);
      packet.writeUInt16BE((sent % 60_000) + 1, template.packetIdAt);
      packet.writeDoubleBE(sent, template.stampAt);
      parts.push(packet);
    }
    if (parts.length > 0) client.socket.write(Buffer.concat(parts));
  };
  client.onPackets((first) => {
    if (first >> 4 !== packetTypes.puback) return;
    acknowledged++;
    fill();
  });
  fill();
  while (acknowledged < end) {
    if (failure !== null) throw failure as Error;
    await delay(20);
  }
  client.close();
}

/** Connects all sessions and receives their messages. @returns messages a second. @throws Error when one is missing */
async function drain(running: RunningTarget, sessions: number): Promise<number> {
  const expected = sessions * queuedOfEach;
  const received = new Set<number>();
  const clients: RawClient[] = [];
  const startedMs = performance.now();
  try {
    for (let number = 0; number < sessions; number++) {
      // The first messages can arrive together with CONNACK.
      const client = await open(running, `queue-${number}`, false, (own, first, bytes, start) => {
        if (first >> 4 !== packetTypes.publish) return;
        const idAt = start + 2 + bytes.readUInt16BE(start);
        own.socket.write(Buffer.from([0x40, 2, bytes[idAt]!, bytes[idAt + 1]!]));
        received.add(bytes.readDoubleBE(idAt + 2));
      });
      clients.push(client);
    }
    while (received.size < expected) {
      if (performance.now() - startedMs > drainMsMax)
        throw new Error(`${expected - received.size} of ${expected} queued messages did not arrive`);
      await delay(20);
    }
    return expected / ((performance.now() - startedMs) / 1_000);
  } finally {
    for (const client of clients) client.close();
  }
}
