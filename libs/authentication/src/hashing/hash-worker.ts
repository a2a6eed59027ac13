/**
 * Source of the worker thread that computes password hashes, as a CommonJS script. It is a text, not a module, because
 * the programs are bundled into one file each: the text works from the bundle and from the sources alike. The
 * synchronous functions of node:crypto run on the thread that calls them; the asynchronous ones would occupy libuv's
 * pool, which also syncs the store's files.
 *
 * A job has a list of hashes. The worker answers true at the first hash that the password matches, and computes the
 * hashes behind it only if it does not.
 */
export const hashWorkerSource = `
'use strict';
const { parentPort } = require('node:worker_threads');
const { createHash, pbkdf2Sync, scryptSync, timingSafeEqual } = require('node:crypto');

const { readlinkSync } = require('node:fs');
const { setPriority } = require('node:os');

const scryptBytesMax = 80 * 1024 * 1024;
const niceness = 5;

// On Linux each thread has a priority of its own. A flood of logins must not take the processor from the member.
try {
  setPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)), niceness);
} catch {
  // The thread works with the priority of the process.
}

function derive(password, { kind, salt, length, ln, r, p, iterations }) {
  if (kind === 'scrypt') return scryptSync(password, salt, length, { N: 2 ** ln, r, p, maxmem: scryptBytesMax });
  if (kind === 'pbkdf2') return pbkdf2Sync(password, salt, iterations, length, 'sha512');
  return createHash('sha512').update(password).update(salt).digest();
}

parentPort.on('message', ({ password, tasks }) => {
  let answer = { matches: false };
  try {
    for (const task of tasks) {
      const derived = derive(password, task);
      if (task.expected === undefined) answer = { derived };
      else if (timingSafeEqual(derived, task.expected)) {
        answer = { matches: true };
        break;
      }
    }
  } catch (error) {
    answer = { error: String(error) };
  }
  parentPort.postMessage(answer);
});
`;

/** One hash that a worker computes. */
export interface HashTask {
  readonly kind: 'scrypt' | 'pbkdf2' | 'sha512';
  readonly salt: Uint8Array;
  /** Bytes of the result. */
  readonly length: number;
  readonly ln?: number;
  readonly r?: number;
  readonly p?: number;
  readonly iterations?: number;
  /** The hash to compare with. Absent: the worker returns the derived hash. */
  readonly expected?: Uint8Array;
}

export interface HashJob {
  readonly password: Uint8Array;
  readonly tasks: readonly HashTask[];
}

export interface HashAnswer {
  readonly matches?: boolean;
  readonly derived?: Uint8Array;
  readonly error?: string;
}
