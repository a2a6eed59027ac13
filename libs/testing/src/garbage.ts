import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Runs a full garbage collection. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** Returns the bytes of the JavaScript heap that a value keeps in memory. Other work of the process makes it inexact. */
export function heldBytes(create: () => unknown): number {
  const used = (): number => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  const kept = [create()];
  const after = used();
  kept.pop();
  return after - before;
}
