import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Lowest port that tests use. All ports are below the ephemeral ports of outgoing connections, which start at 32,768 on
 * Linux.
 */
const firstPort = 12_000;
const portsMax = 20_000;

/**
 * A loopback address that no other test process on this machine uses. Between the stop and the restart of a
 * server, its port at this address therefore stays free. Linux accepts all of 127.0.0.0/8; other systems have
 * only 127.0.0.1.
 */
export const host = process.platform === 'linux' ? addressOf(process.pid) : '127.0.0.1';

let next = Math.floor(Math.random() * portsMax);

/**
 * Returns `count` TCP ports on which a server of this test process can listen at {@link host}. No two calls return the
 * same port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries >= portsMax) throw new Error(`only ${ports.length} of ${count} ports are free on ${host}`);
    const port = firstPort + (next++ % portsMax);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

/**
 * Maps a process id to a loopback address. Process ids have at most 22 bits on Linux, so they fit into 127.64.0.0 to
 * 127.127.255.255.
 */
export function addressOf(pid: number): string {
  return `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, host);
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!listens) return false;
  server.close();
  await once(server, 'close');
  return true;
}
