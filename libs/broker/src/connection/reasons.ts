import type { RefusalReason } from '@mqtt-cluster/contracts';
import type { ConnectionRefusalReason, DisconnectReason } from '@mqtt-cluster/metric-catalogue';
import { reasonCodes } from '../codec/reason-codes.ts';

/** Returns the CONNACK reason code (MQTT 5, 3.2.2.2) for a client that the member rejected. */
export function connackReasonCode(reason: RefusalReason): number {
  switch (reason) {
    case 'isolated':
    case 'draining':
      return reasonCodes.useAnotherServer;
    case 'quotaExceeded':
      return reasonCodes.quotaExceeded;
    case 'notAuthorized':
      return reasonCodes.notAuthorized;
    default:
      return reasonCodes.serverUnavailable;
  }
}

/** Returns the DISCONNECT reason code (MQTT 5, 3.14.2.1) for a client that the member disconnects. */
export function disconnectReasonCode(reason: RefusalReason): number {
  switch (reason) {
    case 'takenOver':
      return reasonCodes.sessionTakenOver;
    case 'isolated':
    case 'draining':
      return reasonCodes.useAnotherServer;
    case 'protocolError':
      return reasonCodes.protocolError;
    case 'quotaExceeded':
      return reasonCodes.quotaExceeded;
    case 'notAuthorized':
      return reasonCodes.notAuthorized;
    default:
      return reasonCodes.unspecified;
  }
}

/** Returns the metric label for a client that the member rejected. */
export function refusalLabel(reason: RefusalReason): ConnectionRefusalReason {
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
    case 'notAuthorized':
      return 'not_authorized';
    default:
      return 'other';
  }
}

/** Returns the metric label for a CONNECT that the guard rejected with this reason code. */
export function refusalLabelOfCode(reasonCode: number): ConnectionRefusalReason {
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
    case reasonCodes.serverBusy:
      return 'overloaded';
    default:
      return 'malformed';
  }
}

/** Returns the metric label for a connection that the member closed. */
export function disconnectLabel(reason: RefusalReason): DisconnectReason {
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
    case 'protocolError':
      return 'protocol_error';
    case 'notAuthorized':
      return 'not_authorized';
    default:
      return reason;
  }
}

/** Returns the metric label for a connection that the guard closed because of a packet from the client. */
export function disconnectLabelOfCode(reasonCode: number): DisconnectReason {
  switch (reasonCode) {
    case reasonCodes.notAuthorized:
      return 'not_authorized';
    case reasonCodes.quotaExceeded:
      return 'quota_exceeded';
    default:
      return 'protocol_error';
  }
}
