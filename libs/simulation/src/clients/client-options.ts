import type { ConnectionAccess, MemberId, QoS, Subscription } from '@mqtt-cluster/contracts';

export interface ClientOptions {
  readonly id: string;
  readonly clean: boolean;
  /** Session Expiry Interval; 0: the session ends with its connection. */
  readonly expirySeconds: number;
  readonly receiveMaximum: number;
  /** Maximum number of publishes that the client sends without an acknowledgement. */
  readonly windowMax: number;
  readonly ackDelayMsMax: number;
  readonly subscriptions: readonly Subscription[];
  /** The will of the client, or null. Each connection has its own will message. */
  readonly will: { readonly topic: string; readonly qos: QoS; readonly delaySeconds: number } | null;
  /** Whether the client connects again after a lost connection. */
  readonly reconnects: boolean;
  /** The member to connect to; null: a random member for each connection. */
  readonly home: MemberId | null;
  /**
   * Another device uses the same client id and can take over the session at any time, so Session Present is
   * not checked.
   */
  readonly sharesClientId: boolean;
  /** The authenticated user of the client's connections. */
  readonly access?: ConnectionAccess;
}

/** A client with a persistent session and no will that connects to random members and reconnects. */
export const defaultClient: Omit<ClientOptions, 'id'> = {
  clean: false,
  expirySeconds: 3_600,
  receiveMaximum: 20,
  windowMax: 8,
  ackDelayMsMax: 5,
  subscriptions: [],
  will: null,
  reconnects: true,
  home: null,
  sharesClientId: false,
};
