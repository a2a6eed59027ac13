import type {
  Authenticator,
  CertificateChain,
  ClientCertificate,
  Revocations,
} from '@mqtt-cluster/contracts';

/** `tcp`: plain. `tls`: TLS. `ws`: WebSocket. `wss`: WebSocket over TLS. */
export type ListenerKind = 'tcp' | 'tls' | 'ws' | 'wss';

/** Key and certificates of a listener, all in PEM. */
export interface ListenerTls {
  readonly key: string;
  /** The certificate of the server, followed by the intermediate certificates. */
  readonly cert: string;
  /** The authorities that sign client certificates. */
  readonly ca?: string;
  /** A revocation list of each of these authorities. Default: no certificate is revoked. */
  readonly revocations?: Revocations;
  /**
   * `none`: clients present no certificate. `optional`: a client without a certificate is accepted, and a client with
   * an invalid certificate is refused. `required`: each client needs a valid certificate.
   */
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface ListenerOptions {
  /** Name for rules, logs and metrics. Default: `default`. */
  readonly name?: string;
  readonly kind: ListenerKind;
  /** Address to bind; `0.0.0.0` binds all addresses. */
  readonly host: string;
  /** 0 binds any free port; see {@link Broker.addresses}. */
  readonly port: number;
  /** Required for `tls` and `wss`. */
  readonly tls?: ListenerTls;
  /** WebSocket: path of the URL. Default: `/mqtt`. */
  readonly path?: string;
  /** WebSocket: origins whose pages may connect; `*` permits all. Default: pages of the listener's own address. */
  readonly origins?: readonly string[];
  /**
   * Addresses of proxies, as IP addresses or networks in CIDR notation. The listener accepts connections only from
   * these addresses, and each connection must start with a PROXY protocol header.
   */
  readonly proxy?: readonly string[];
}

/** Where a connection comes from. */
export interface ConnectionOrigin {
  /**
   * IP address of the client without port; an IPv4-mapped address in its IPv4 form. Empty if it is unknown, for example
   * because a proxy does not know it.
   */
  readonly address: string;
  /** Name of the listener. */
  readonly listener: string;
  readonly kind: ListenerKind;
  /** The verified certificate of a TLS client. */
  readonly certificate?: ClientCertificate;
  /** What identifies that certificate in revocation lists. Absent if the listener has none. */
  readonly certificateChain?: CertificateChain;
  /** Authenticates this connection instead of the broker's authenticator: the caller already knows the client. */
  readonly authenticator?: Authenticator;
  /** Called when the broker rejects or drops a QoS 0 publish, because MQTT has no answer for it. */
  readonly onQos0Refused?: (reasonCode: number) => void;
}

export interface BoundAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly kind: ListenerKind;
}
