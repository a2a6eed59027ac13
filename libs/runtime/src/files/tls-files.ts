import { createPrivateKey } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { certificateNameOf, certificatesOf } from './pem-file.ts';
import type { PemFile } from './pem-file.ts';
import { checkRevocationLists } from './revocation-files.ts';

/** The files of one end of TLS connections. A client may have no certificate. */
export interface TlsFiles {
  /** Key and certificate of this end; both or none of them. */
  readonly key?: PemFile;
  readonly cert?: PemFile;
  readonly ca?: PemFile;
  /** A revocation list of each authority in `ca`, and of each intermediate authority. */
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
  if (crl !== undefined)
    checkRevocationLists({ crl, cert, ca, presentsToAuthority: uses.includes('client') }, now);
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
    `${path}: the certificate of ${certificateNameOf(own)} is not permitted for TLS ${missing}s (extended key usage)`,
  );
}

function privateKeyOf({ path, text }: PemFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${path} is not a private key in PEM without a password`, { cause });
  }
}

function checkValidity(certificate: X509Certificate, { path }: PemFile, now: Date): void {
  const { validFrom, validTo } = certificate;
  const name = certificateNameOf(certificate);
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
