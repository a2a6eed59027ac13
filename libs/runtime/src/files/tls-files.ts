import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const revocationListPattern = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;

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
  readonly crl?: PemFile;
}

/**
 * Checks that the files can be used for TLS connections now.
 *
 * @throws Error the message starts with the path of the file that is wrong
 */
export function checkTlsFiles({ key, cert, ca, crl }: TlsFiles, now: Date = new Date()): void {
  if (key !== undefined && cert !== undefined) checkPair(key, cert, now);
  if (ca !== undefined) checkAuthorities(ca, now);
  if (crl !== undefined) checkRevocationLists(crl);
  createSecureContext({
    ...(key && { key: key.text }),
    ...(cert && { cert: cert.text }),
    ...(ca && { ca: ca.text }),
  });
}

function checkPair(key: PemFile, cert: PemFile, now: Date): void {
  const privateKey = privateKeyOf(key);
  const [own, ...chain] = certificatesOf(cert);
  if (!own!.checkPrivateKey(privateKey))
    throw new Error(`${key.path} is not the private key of the certificate in ${cert.path}`);
  for (const certificate of [own!, ...chain]) checkValidity(certificate, cert, now);
}

function privateKeyOf({ path, text }: PemFile): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${path} is not a private key in PEM without a password`, { cause });
  }
}

function certificatesOf({ path, text }: PemFile): X509Certificate[] {
  const texts = text.match(certificatePattern) ?? [];
  if (texts.length === 0) throw new Error(`${path} contains no certificate in PEM`);
  try {
    return texts.map((each) => new X509Certificate(each));
  } catch (cause) {
    throw new Error(`${path} contains a certificate that cannot be decoded`, { cause });
  }
}

function checkValidity({ subject, validFrom, validTo }: X509Certificate, { path }: PemFile, now: Date): void {
  const name = subject.replaceAll('\n', ', ');
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

function checkRevocationLists({ path, text }: PemFile): void {
  const lists = text.match(revocationListPattern) ?? [];
  if (lists.length === 0) throw new Error(`${path} contains no certificate revocation list in PEM`);
  try {
    createSecureContext({ crl: lists });
  } catch (cause) {
    throw new Error(`${path} contains a certificate revocation list that cannot be decoded`, { cause });
  }
}
