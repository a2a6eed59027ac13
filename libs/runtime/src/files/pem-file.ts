import { X509Certificate } from 'node:crypto';

/** Label of the blocks of revocation lists (RFC 7468). */
export const revocationListLabel = 'X509 CRL';

/** A file with its content. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Returns the blocks of a PEM file. OpenSSL skips an incomplete block in silence, so a bundle that was cut off would lose an
 * authority or a revocation list.
 *
 * @throws Error with the path: a block has a begin without an end
 */
export function blocksOf({ path, text }: PemFile, label: string): readonly string[] {
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  const blocks = text.match(new RegExp(`${begin}[^-]+${end}`, 'g')) ?? [];
  if (blocks.length === text.split(begin).length - 1) return blocks;
  throw new Error(`${path} contains a block "${begin}" without its end: the file is incomplete`);
}

/** Returns the certificates of a PEM file. @throws Error with the path */
export function certificatesOf(file: PemFile): X509Certificate[] {
  const { path } = file;
  const texts = blocksOf(file, 'CERTIFICATE');
  if (texts.length === 0) throw new Error(`${path} contains no certificate in PEM`);
  try {
    return texts.map((each) => new X509Certificate(each));
  } catch (cause) {
    throw new Error(`${path} contains a certificate that cannot be decoded`, { cause });
  }
}

/**
 * Returns one line that names a certificate: its subject, or its alternative names, or its serial number. Node's types omit
 * that the first two may be undefined.
 */
export function certificateNameOf({
  subject,
  subjectAltName,
  serialNumber,
}: Partial<Pick<X509Certificate, 'subject' | 'subjectAltName' | 'serialNumber'>>): string {
  return subject?.replaceAll('\n', ', ') ?? subjectAltName ?? `serial number ${serialNumber}`;
}
