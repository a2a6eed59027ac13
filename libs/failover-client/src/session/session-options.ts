import type { IClientOptions } from 'mqtt';
import type { ProbeOptions } from '../monitor/server-probe.ts';
import type { ClientStream, Credentials, IncomingMessage } from '../types.ts';

/** The end of a connection or of a failed attempt. */
export interface ConnectionEnd {
  /** False if the attempt failed before CONNACK. */
  readonly wasConnected: boolean;
  readonly reason: string;
  /** True if the connection ended because the server did not respond. Its host is probably unreachable. */
  readonly silent: boolean;
  /** Reason code of DISCONNECT or CONNACK (MQTT 5), or return code of CONNACK (MQTT 3.1.1). */
  readonly reasonCode: number | null;
  readonly serverReference: string | null;
  /** True if the server refused the identity of this client, or if a certificate, a key or a file is unusable. */
  readonly refused: boolean;
  /** When bytes were last received, in monotonic milliseconds. */
  readonly lastReceivedMs: number;
}

export interface SessionHandlers {
  readonly onConnected: (sessionPresent: boolean) => void;
  /** Called exactly once for each attempt. */
  readonly onDisconnected: (end: ConnectionEnd) => void;
  readonly onMessage: (message: IncomingMessage) => void;
  /** Called when the server has stopped responding; see {@link Session.suspected}. */
  readonly onSuspected: () => void;
}

export interface SessionOptions {
  readonly mqtt: Pick<IClientOptions, 'clientId' | 'will'>;
  readonly protocolVersion: 4 | 5;
  readonly sessionExpirySeconds: number;
  /** Called before each connection. An error fails the attempt. */
  readonly credentials: () => Credentials;
  /** Opens a connection. An error fails the attempt. */
  readonly openStream: (url: string) => ClientStream;
  readonly unackedMax: number;
  readonly inFlightMax: number;
  /** Bytes of the largest packet that the servers accept; Infinity without a bound. */
  readonly packetBytesMax: number;
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  readonly silenceMsMax: number;
  /** Filters that are subscribed on every connection, for their retained messages. */
  readonly alwaysSubscribe: readonly string[];
  /** Options of the server probe. Null for a client with only one connection. */
  readonly probe: ProbeOptions | null;
  readonly random: () => number;
}
