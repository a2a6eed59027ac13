import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { StoreLockedError } from '@mqtt-cluster/contracts';

const lockName = 'lock';
export const lockCandidatePrefix = 'lock-';
/** Maximum number of attempts when several processes try to take the lock at the same time. */
const attemptsMax = 8;
/** A Unix socket address (sockaddr_un) holds 108 bytes; the names below need up to 30 of them. */
const socketPathBytesMax = 70;

type LockHolder = 'alive' | 'dead' | 'none';

/**
 * Locks a directory with a listening Unix socket in the directory, because Node has no flock. The kernel
 * accepts connections while the process with the lock lives, even if the process is stopped. After the death
 * of this process the kernel refuses connections at once. Unlike a file with a process id, the socket also
 * works between containers that share the directory.
 * @throws StoreLockedError when another process holds the lock
 */
export async function acquireLock(directory: string): Promise<{ release(): Promise<void> }> {
  const handle = await open(directory, 'r');
  // A long path does not fit into a socket address, so the address uses the short path of the open
  // directory's file descriptor.
  const base = Buffer.byteLength(directory) <= socketPathBytesMax ? directory : `/proc/self/fd/${handle.fd}`;
  const path = join(base, lockName);
  try {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const holder = await probe(path);
      if (holder === 'alive') break;
      if (holder === 'dead' && !(await removeDead(path))) break;
      const server = await claim(base, path);
      if (server === null) continue;
      return {
        async release() {
          await rm(path, { force: true });
          await closeServer(server);
          await handle.close();
        },
      };
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  throw new StoreLockedError(
    `the store in ${directory} is in use by another process; stop the other process, ` +
      'or configure another directory for this member',
  );
}

/**
 * Listens on a temporary name, then links it to the lock's name. The link fails if another process has the
 * lock.
 */
async function claim(base: string, path: string): Promise<Server | null> {
  const candidate = join(base, `${lockCandidatePrefix}${randomBytes(6).toString('hex')}`);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(candidate, resolve);
  });
  server.unref();
  try {
    await link(candidate, path);
    await rm(candidate, { force: true });
    return server;
  } catch (error) {
    await closeServer(server);
    const code = (error as NodeJS.ErrnoException).code;
    // ENOENT: the process that won the race has removed the temporary names of the others.
    if (code === 'EEXIST' || code === 'ENOENT') return null;
    throw error;
  }
}

/** Removes the lock of a dead process. @returns false if another process took the lock in the meantime */
async function removeDead(path: string): Promise<boolean> {
  const aside = `${path}-dead-${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
  const alive = (await probe(aside)) === 'alive';
  if (alive) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return !alive;
}

function probe(path: string): Promise<LockHolder> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('alive');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('none');
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve('dead');
      // EAGAIN: a process listens, but its backlog is full of other connections.
      else if (error.code === 'EAGAIN' || error.code === 'ECONNRESET') resolve('alive');
      else reject(error);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
