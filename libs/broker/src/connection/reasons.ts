import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { ConnectionRefusalReason, DisconnectReason } from '@mqtt-cluster/metric-catalogue';
import { reasonCodes } from '../codec/reason-codes.ts';

/** As the metrics call it: the member doesn't take the client. */
export function refusalOf(reason: RefusalReason): ConnectionRefusalReason {
  switch (reason) {
    case 'notServing':
      return 'not_serving';
    case 'isolated':
    case 'draining':
      return reason;
    case 'quotaExceeded':
      return 'session_limit';
    case 'takenOver':
      return 'taken_over';
    default:
      return 'other';
  }
}

/** As the metrics call it: CONNECT itself was refused. */
export function refusalOfCode(reasonCode: number): ConnectionRefusalReason {
  switch (reasonCode) {
    case reasonCodes.clientIdentifierNotValid:
      return 'client_id';
    case reasonCodes.notAuthorized:
    case reasonCodes.badUserNameOrPassword:
    case reasonCodes.badAuthenticationMethod:
      return 'not_authorized';
    case reasonCodes.quotaExceeded:
      return 'client_limit';
    case reasonCodes.useAnotherServer:
      return 'redirected';
    case reasonCodes.serverUnavailable:
      return 'overloaded';
    default:
      return 'malformed';
  }
}

/** As the metrics call it: the member has given up a connection. */
export function disconnectOf(reason: RefusalReason): DisconnectReason {
  switch (reason) {
    case 'notServing':
      return 'not_serving';
    case 'quotaExceeded':
      return 'quota_exceeded';
    case 'takenOver':
      return 'taken_over';
    case 'homeLost':
      return 'home_lost';
    case 'snapshotInstalled':
      return 'snapshot_installed';
    case 'slowConsumer':
      return 'slow_consumer';
    case 'protocolError':
    case 'receiveMaximumExceeded':
      return 'protocol_error';
    default:
      return reason;
  }
}

/** As the metrics call it: the guard has ended a connection because of what its client sent. */
export function disconnectOfCode(reasonCode: number): DisconnectReason {
  switch (reasonCode) {
    case reasonCodes.notAuthorized:
      return 'not_authorized';
    case reasonCodes.quotaExceeded:
      return 'quota_exceeded';
    default:
      return 'protocol_error';
  }
}
