import type { Disconnection } from '@mqtt-cluster/contracts';
import type { Connection } from './connection.ts';

/**
 * Returns how the cluster ends a connection that was closed before its CONNACK. The will of its client is not published,
 * unless the client has left without DISCONNECT.
 *
 * If the `open` of this connection has created the session, the session ends with the connection: the client does not
 * know this session, and may have ended a newer one at another member. The session stays if it existed before, or if
 * the client has sent packets for it, DISCONNECT, or a will and has then left.
 */
export function endOfUnanswered(connection: Connection, sessionPresent: boolean): Disconnection {
  const { left, deferred, request } = connection;
  const how = left ?? { graceful: true };
  const isUnused = deferred.length === 0 && left?.graceful !== true;
  const isWithoutWill = left === null || request.will === undefined;
  return !sessionPresent && isUnused && isWithoutWill ? { ...how, sessionExpirySeconds: 0 } : how;
}
