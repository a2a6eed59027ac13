import type { ConnectionId } from '@mqtt-cluster/contracts';

/**
 * Returns a function that numbers the client connections inside this process: from -1 downwards, because the broker numbers
 * the connections of clients from 1 upwards. All parts of a process share one function.
 */
export function internalConnectionIds(): () => ConnectionId {
  let last = 0;
  return () => --last;
}
