import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { CertificateChain, CertificateIdentity, Revocations } from '@mqtt-cluster/contracts';
import { blocksOf, revocationListLabel } from './pem-file.ts';
import type { PemFile } from './pem-file.ts';
import { identityOf, RevocationList } from './revocation-list.ts';

/** Certificates of one chain. Usual chains have two or three. */
const chainLengthMax = 8;

/** The revocation lists of a file. The file must have been checked. */
export class ListedRevocations implements Revocations {
  readonly #lists: readonly RevocationList[];
  readonly lists: readonly string[];
  readonly nextUpdateSeconds: number | null;

  constructor(file: PemFile) {
    this.lists = blocksOf(file, revocationListLabel);
    this.#lists = RevocationList.allOf(this.lists);
    const first = Math.min(...this.#lists.map((list) => lastUpdateOf(this.#lists, list)));
    this.nextUpdateSeconds = Number.isFinite(first) ? first : null;
  }

  chainOf(socket: Pick<TLSSocket, 'getPeerCertificate'>): CertificateChain {
    // `getPeerX509Certificate` must not be used: each call takes the issuers out of the session, and leaks them.
    return chainOf(socket.getPeerCertificate(true));
  }

  contains({ certificates }: CertificateChain): boolean {
    return certificates.some((each) => this.#lists.some((list) => list.contains(each)));
  }

  endsOpen(chain: CertificateChain): boolean {
    return !chain.isCertain || this.contains(chain);
  }
}

/**
 * Returns the chain that Node has made from the names in the presented certificates. The other end may present a forged
 * certificate before its real issuer. OpenSSL uses such a certificate, and refuses its signature, unless the certificate is not
 * valid at this time: then it looks for another one, and Node does not.
 */
function chainOf(leaf: DetailedPeerCertificate): CertificateChain {
  const certificates: CertificateIdentity[] = [];
  const now = Date.now();
  let isCertain = true;
  let each: DetailedPeerCertificate | undefined = leaf;
  // Node returns an empty object without a certificate, and a root certificate is its own issuer.
  while (each?.raw !== undefined) {
    if (certificates.length === chainLengthMax) return { certificates, isCertain: false };
    certificates.push(identityOf(each.raw));
    if (!(Date.parse(each.valid_from) <= now && now < Date.parse(each.valid_to))) isCertain = false;
    const issuer: DetailedPeerCertificate | undefined = each.issuerCertificate;
    each = issuer === each ? undefined : issuer;
  }
  return { certificates, isCertain };
}

/** A newer list replaces an older one of the same authority. */
function lastUpdateOf(lists: readonly RevocationList[], list: RevocationList): number {
  const all = lists.filter((other) => other.hasAuthorityOf(list));
  return Math.max(...all.map(({ nextUpdateSeconds }) => nextUpdateSeconds));
}
