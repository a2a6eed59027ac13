import type { ClientId } from '@mqtt-cluster/contracts';
import type { ConnectionRefusalReason, DisconnectReason } from '@mqtt-cluster/metric-catalogue';

/**
 * What happened to one connection. `takenOver` and `redirected` are ends as well: another connection of the client took
 * over, or the client was sent to another member.
 */
export interface ClientEvent {
  readonly kind: 'connected' | 'disconnected' | 'takenOver' | 'refused' | 'redirected';
  /** Empty if the connection ended before its CONNECT was decoded. At most 256 characters. */
  readonly client: ClientId;
  readonly user?: string;
  /** IP address without port; empty if it is unknown. */
  readonly address: string;
  /** Label of the metric that counts the event. Absent when the client connected. */
  readonly reason?: ConnectionRefusalReason | DisconnectReason;
  /** One sentence for people. */
  readonly text: string;
}

export const refusalTexts: Readonly<Record<ConnectionRefusalReason, string>> = {
  too_many_connections: 'the member has too many connections',
  rate_limited: 'the address opens too many connections per second',
  address_limit: 'the address has too many connections',
  user_limit: 'the user has too many connections',
  memory: 'the process of the member uses too much memory',
  malformed: 'a packet of the client is malformed',
  protocol_version: 'the protocol version is not supported',
  client_id: 'the client identifier is not valid',
  not_authorized: 'the credentials of the client are not accepted',
  client_limit: 'the member has no place for a further client',
  overloaded: 'the member is overloaded',
  redirected: 'the member is overloaded, and another member has places',
  session_limit: 'the cluster stores no further sessions',
  not_serving: 'the member does not serve clients',
  isolated: 'the member is isolated',
  draining: 'the member drains',
  taken_over: 'another connection of the client took over',
  timeout: 'the client or the member did not answer in time',
  proxy_header: 'the connection has no valid PROXY protocol header',
  tls_handshake: 'the TLS handshake failed',
  websocket_upgrade: 'the WebSocket request is not valid',
  other: 'the connection was refused',
};

export const disconnectTexts: Readonly<Record<DisconnectReason, string>> = {
  client: 'the client sent DISCONNECT',
  network: 'the connection was closed without DISCONNECT',
  keep_alive: 'the keep-alive timed out',
  protocol_error: 'the client violated the protocol',
  taken_over: 'another connection of the client took over',
  not_authorized: 'the client lost a right that it uses',
  quota_exceeded: 'the client exceeded a quota',
  slow_consumer: 'the client does not read its socket',
  evicted: 'another connection needed its place or its memory',
  administrative: 'an operator ended the connection',
  isolated: 'the member is isolated',
  draining: 'the member drains',
  home_lost: 'the cluster had declared the member lost',
  snapshot_installed: 'the member installed a snapshot',
  not_serving: 'the member does not serve clients',
  shutdown: 'the member stops',
  other: 'the connection ended',
};
