import type { IClientOptions } from 'mqtt';
import type { DoubtOptions } from '../connection/server-probe.ts';
import type { IncomingMessage, TlsOptions } from '../types.ts';

export interface SessionDown {
  readonly wasUp: boolean;
  readonly reason: string;
  /** Nothing was heard: the host is gone, not the process. */
  readonly silent: boolean;
  /** MQTT 5 DISCONNECT or CONNACK reason, MQTT 3.1.1 return code. */
  readonly reasonCode: number | null;
  readonly serverReference: string | null;
  readonly lastHeardMs: number;
}

export interface SessionHooks {
  readonly up: (sessionPresent: boolean) => void;
  readonly down: (down: SessionDown) => void;
  readonly message: (message: IncomingMessage) => void;
  /** The server does not answer just now; see {@link Session.doubtful}. */
  readonly doubtful: () => void;
}

export interface SessionOptions {
  readonly mqtt: Pick<IClientOptions, 'clientId' | 'username' | 'password' | 'will'>;
  readonly protocolVersion: 4 | 5;
  readonly sessionExpirySeconds: number;
  readonly tls: TlsOptions;
  readonly unackedMax: number;
  readonly inFlightMax: number;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Subscribed on every connection, for its retained message. */
  readonly alwaysSubscribe: readonly string[];
  /** For clients that have another connection; null for others. */
  readonly doubt: DoubtOptions | null;
  readonly random: () => number;
}
