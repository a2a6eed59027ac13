import type { X509Certificate } from 'node:crypto';

/** The certificate revocation lists of one end of TLS connections. */
export interface Revocations {
  /** The lists in PEM, each as a text of its own: Node reads only the first list of a text. */
  readonly lists: readonly string[];
  /** Returns whether a list contains the certificate, or a certificate of its chain. */
  contains(certificate: X509Certificate): boolean;
}
