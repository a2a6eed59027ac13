import { createServer } from 'node:net';
import type { Server } from 'node:net';

/**
 * Size of a block of ports. The process that listens on the first port of a block owns the whole block until the process
 * ends. Two processes therefore never get the same port, even before they listen on it.
 */
const blockSize = 10;
/** Lowest port of all blocks. All blocks are below 32,768, because Linux uses higher ports for outgoing connections. */
const firstBlockPort = 12_000;
const blockCount = 2_000;
/** The address at which a process listens to own a block. It exists on every system. */
const lockHost = '127.0.0.1';
const triesMax = 1_000;

/** Ports that this process owns and has not returned to a caller yet. */
const available: number[] = [];

/** Tries to listen at an address. Returns the server, or null when the address is in use or invalid. */
function listen(host: string, port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host, port, exclusive: true }, () => resolve(server));
  });
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = await listen(host, port);
  if (server === null) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

async function takeBlock(): Promise<void> {
  const port = firstBlockPort + blockSize * Math.floor(Math.random() * blockCount);
  const lock = await listen(lockHost, port);
  if (lock === null) return;
  lock.unref();
  for (let offset = 1; offset < blockSize; offset++) available.push(port + offset);
}

/**
 * Returns a TCP port on which nothing listens at `host`. No other call returns the same port, in this process or in
 * another one, until this process ends.
 *
 * @throws Error when no port is free
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = available.shift();
    if (port === undefined) await takeBlock();
    else if (await isFree(host, port)) return port;
  }
  throw new Error(`no free port at ${host} from ${firstBlockPort} on`);
}
