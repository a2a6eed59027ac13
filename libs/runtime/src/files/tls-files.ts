import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Revocations } from '@mqtt-cluster/contracts';
import { RevocationList } from './revocation-list.ts';

const certificateLabel = 'CERTIFICATE';
const revocationListLabel = 'X509 CRL';
/** Certificates of one chain, as OpenSSL bounds it by default. */
const chainLengthMax = 100;

/** A file with its content. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
}

/** The files of one end of TLS connections. A client may have no certificate. */
export interface TlsFiles {
  /** Key and certificate of this end; both or none of them. */
  readonly key?: PemFile;
  readonly cert?: PemFile;
  readonly ca?: PemFile;
  /** A revocation list of each authority in `ca`. */
  readonly crl?: PemFile;
  /** What the certificate of this end is used for. Default: not checked. */
  readonly uses?: readonly CertificateUse[];
}

/** The end of TLS connections that presents a certificate. */
type CertificateUse = keyof typeof extendedKeyUsages;

/** Object identifiers of the extended key usage (RFC 5280, 4.2.1.12). */
const extendedKeyUsages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/**
 * Checks that the files can be used for TLS connections now.
 *
 * @throws Error the message starts with the path of the file that is wrong
 */
export function checkTlsFiles({ key, cert, ca, crl, uses = [] }: TlsFiles, now: Date = new Date()): void {
  if (key !== undefined && cert !== undefined) checkPair(key, cert, uses, now);
  if (ca !== undefined) checkAuthorities(ca, now);
  if (crl !== undefined) checkRevocationLists(crl, { cert, ca }, now);
  createSecureContext({
    ...(key && { key: key.text }),
    ...(cert && { cert: cert.text }),
    ...(ca && { ca: ca.text }),
  });
}

function checkPair(key: PemFile, cert: PemFile, uses: readonly CertificateUse[], now: Date): void {
  const privateKey = privateKeyOf(key);
  const [own, ...chain] = certificatesOf(cert);
  if (!own!.checkPrivateKey(privateKey))
    throw new Error(`${key.path} is not the private key of the certificate in ${cert.path}`);
  for (const certificate of [own!, ...chain]) checkValidity(certificate, cert, now);
  checkUses(own!, cert, uses);
}

/** The other end of a connection refuses a certificate whose extended key usage lacks this use. */
function checkUses(own: X509Certificate, { path }: PemFile, uses: readonly CertificateUse[]): void {
  // A certificate without the extension may be used for everything.
  const permitted = own.keyUsage as readonly string[] | undefined;
  const missing = uses.find((use) => permitted !== undefined && !permitted.includes(extendedKeyUsages[use]));
  if (missing === undefined) return;
  throw new Error(
    `${path}: the certificate of ${nameOf(own)} is not permitted for TLS ${missing}s (extended key usage)`,
  );
}

function privateKeyOf({ path, text }: PemFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${path} is not a private key in PEM without a password`, { cause });
  }
}

/**
 * Returns the blocks of a PEM file. OpenSSL skips an incomplete block in silence, so a bundle that was cut off would lose an
 * authority or a revocation list.
 *
 * @throws Error with the path: a block has a begin without an end
 */
function blocksOf({ path, text }: PemFile, label: string): readonly string[] {
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  const blocks = text.match(new RegExp(`${begin}[^-]+${end}`, 'g')) ?? [];
  if (blocks.length === text.split(begin).length - 1) return blocks;
  throw new Error(`${path} contains a block "${begin}" without its end: the file is incomplete`);
}

/** Returns the certificates of a PEM file. @throws Error with the path */
export function certificatesOf(file: PemFile): X509Certificate[] {
  const { path } = file;
  const texts = blocksOf(file, certificateLabel);
  if (texts.length === 0) throw new Error(`${path} contains no certificate in PEM`);
  try {
    return texts.map((each) => new X509Certificate(each));
  } catch (cause) {
    throw new Error(`${path} contains a certificate that cannot be decoded`, { cause });
  }
}

function checkValidity(certificate: X509Certificate, { path }: PemFile, now: Date): void {
  const { validFrom, validTo } = certificate;
  const name = nameOf(certificate);
  if (Date.parse(validTo) <= now.getTime())
    throw new Error(`${path}: the certificate of ${name} expired on ${validTo}`);
  if (Date.parse(validFrom) > now.getTime())
    throw new Error(`${path}: the certificate of ${name} is not valid before ${validFrom}`);
}

/** A bundle may keep an old authority beside its successor, so one valid authority suffices. */
function checkAuthorities(ca: PemFile, now: Date): void {
  const authorities = certificatesOf(ca);
  if (authorities.every(({ validTo }) => Date.parse(validTo) <= now.getTime()))
    throw new Error(`${ca.path}: each certificate of an authority has expired`);
}

/** Returns the revocation lists of a file. The file must have been checked. */
export function revocationsOf(file: PemFile): Revocations {
  const lists = RevocationList.allOf(file.text);
  return {
    lists: blocksOf(file, revocationListLabel),
    contains(certificate) {
      let each: X509Certificate | undefined = certificate;
      for (let depth = 0; each !== undefined && depth < chainLengthMax; depth++) {
        const current: X509Certificate = each;
        if (lists.some((list) => list.contains(current))) return true;
        each = current.issuerCertificate;
      }
      return false;
    },
  };
}

/**
 * OpenSSL refuses every certificate of an authority whose list is missing or has a wrong signature, so such a file would cut
 * all connections.
 */
function checkRevocationLists(
  file: PemFile,
  { cert, ca }: Record<'cert' | 'ca', PemFile | undefined>,
  now: Date,
): void {
  const { path } = file;
  const blocks = blocksOf(file, revocationListLabel);
  if (blocks.length === 0) throw new Error(`${path} contains no certificate revocation list in PEM`);
  const lists = RevocationList.allOf(file.text);
  try {
    createSecureContext({ crl: [...blocks] });
  } catch (cause) {
    throw new Error(`${path} contains a certificate revocation list that cannot be decoded`, { cause });
  }
  for (const authority of ca === undefined ? [] : certificatesOf(ca)) {
    if (Date.parse(authority.validTo) <= now.getTime()) continue;
    const own = lists.filter((list) => list.isNamedAfter(authority));
    if (own.some((list) => list.isSignedBy(authority))) continue;
    const name = nameOf(authority);
    if (own.length > 0) throw new Error(`${path}: the signature of the revocation list of ${name} is wrong`);
    throw new Error(
      `${path} contains no revocation list of ${name}, an authority of ${ca!.path}: all its certificates would be refused`,
    );
  }
  const revoked = cert && certificatesOf(cert).find((each) => lists.some((list) => list.contains(each)));
  if (revoked !== undefined)
    throw new Error(`${cert!.path}: the certificate of ${nameOf(revoked)} is revoked by ${path}`);
}

function nameOf({ subject }: X509Certificate): string {
  return subject.replaceAll('\n', ', ');
}
