import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { StoreLockedError } from '@mqtt-cluster/contracts';

export const lockName = 'lock';
export const lockCandidatePrefix = 'lock-';
/** Two processes that start at once may disturb each other this often before one gives up. */
const attemptsMax = 8;
/** sockaddr_un holds 108 bytes; the names below need up to 30. */
const socketPathBytesMax = 70;

type Holder = 'alive' | 'dead' | 'none';

/**
 * Locks a directory by a listening Unix socket in it. Node has no flock; a socket is as good: the kernel
 * answers for a living holder (even a stopped one), and refuses at once when it died, however it died.
 * Unlike a file with a process id it also works between containers that share the directory.
 */
export async function acquireLock(directory: string): Promise<{ release(): Promise<void> }> {
  const handle = await open(directory, 'r');
  // A long path does not fit a socket's address; the open directory's own name does.
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
    `the store in ${directory} is in use by another process; stop that one first, ` +
      'or give this member a directory of its own',
  );
}

/** Listens under a name of its own, then takes the lock's name, which fails when somebody else has it. */
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
    // ENOENT: the winner of the race has cleared the directory of other candidates.
    if (code === 'EEXIST' || code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns false when the lock turned out to be alive: another process was faster. */
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

function probe(path: string): Promise<Holder> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('alive');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve('none');
      else if (error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK') resolve('dead');
      // EAGAIN: somebody listens, but so many ask at once that its backlog is full.
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
