import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { addresses } from '../attacker/credentials.ts';
import { inLanes } from '../attacker/lanes.ts';
import type { Attack, Attacker } from './attack.ts';

/** Time for which a control uses the processor before it reports again, ms. */
const busyMs = 20;
const connectsAtATime = 100;
const exchangedBytes = 64_000;

/**
 * Rows without an attack. Their processes use the machine as those of an attack do, at the same priority, and never
 * connect to a member. What the witness sees then is a property of the machine, which members, witness and attackers
 * share.
 */
export const controls: readonly Attack[] = [
  {
    name: 'control-processor',
    title: 'no attack: two processes use all processor time that is left',
    parts: 2,
    isControl: true,
    run: useProcessor,
  },
  {
    name: 'control-network',
    title: 'no attack: two processes open, use and close sockets of their own, as fast as possible',
    parts: 2,
    isControl: true,
    run: useNetwork,
  },
];

async function useProcessor({ gain, signal }: Attacker): Promise<void> {
  while (!signal.aborted) {
    const untilMs = performance.now() + busyMs;
    while (performance.now() < untilMs);
    gain.add('ms of processor and waiting time', busyMs);
    await nextTurn();
  }
}

async function useNetwork({ gain, signal }: Attacker): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const host = addresses.attacker;
  await new Promise<void>((resolve) => server.listen({ host, port: 0, backlog: 1_024 }, resolve));
  const { port } = server.address() as AddressInfo;
  const bytes = Buffer.alloc(exchangedBytes);
  await inLanes(Infinity, connectsAtATime, signal, async () => {
    await new Promise<void>((resolve) => {
      const socket = connect({ host, port, localAddress: host });
      let received = 0;
      socket.on('error', () => undefined);
      socket.once('connect', () => socket.write(bytes));
      socket.on('data', (data) => {
        received += data.length;
        if (received >= exchangedBytes) socket.destroy();
      });
      socket.once('close', () => resolve());
    });
    gain.add('sockets opened and closed');
  });
  server.close();
}
