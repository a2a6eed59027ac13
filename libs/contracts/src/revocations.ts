import type { TLSSocket } from 'node:tls';

/** What identifies a certificate in the revocation lists (RFC 5280, 4.1.2.2). */
export interface CertificateIdentity {
  /** The bytes of the issuer's name, one character each. */
  readonly issuer: string;
  /** Hexadecimal serial number. */
  readonly serial: string;
  /** Hexadecimal identifier of the issuer's key (RFC 5280, 4.2.1.1); null if the certificate contains none. */
  readonly authorityKey: string | null;
}

/** The certificate of the other end of a connection with its issuers. It is small, because each open connection keeps one. */
export interface CertificateChain {
  /** The certificate of the other end is the first one. */
  readonly certificates: readonly CertificateIdentity[];
  /** False if the chain may differ from the one that OpenSSL has verified. */
  readonly isCertain: boolean;
}

/**
 * The certificate revocation lists of one end of TLS connections. OpenSSL checks the lists at the handshake. The functions are
 * for the open connections when the lists change.
 */
export interface Revocations {
  /** The lists in PEM, each as a text of its own: Node reads only the first list of a text. */
  readonly lists: readonly string[];
  /** Time at which the first list expires (its next update), seconds since 1970; null if no list expires. */
  readonly nextUpdateSeconds: number | null;
  /** Returns the chain of a connection after its handshake. Call it once: Node decodes all certificates at each call. */
  chainOf(socket: Pick<TLSSocket, 'getPeerCertificate'>): CertificateChain;
  /** Returns whether a list contains a certificate of the chain. */
  contains(chain: CertificateChain): boolean;
  /** Returns whether an open connection must end: a list contains a certificate of its chain, or its chain is not certain. */
  endsOpen(chain: CertificateChain): boolean;
}
