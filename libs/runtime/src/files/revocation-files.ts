import type { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ListedRevocations } from './listed-revocations.ts';
import { blocksOf, certificateNameOf, certificatesOf, revocationListLabel } from './pem-file.ts';
import type { PemFile } from './pem-file.ts';
import { identityOf, RevocationList } from './revocation-list.ts';

/** The files of one end of TLS connections that decide about revocations. */
interface RevocationFiles {
  /** The revocation lists. */
  readonly crl: PemFile;
  /** Certificate of this end, followed by its intermediate authorities. */
  readonly cert?: PemFile | undefined;
  /** The trusted authorities. */
  readonly ca?: PemFile | undefined;
  /** True if the other ends check the certificate of this end against the same authorities. */
  readonly presentsToAuthority?: boolean;
}

/**
 * Checks that OpenSSL would not refuse every certificate of an authority, which would cut all connections: each authority has a
 * complete list that has its signature and is valid now.
 *
 * @throws Error the message starts with the path of the file that is wrong
 */
export function checkRevocationLists(files: RevocationFiles, now: Date): void {
  const { crl, cert, ca, presentsToAuthority = false } = files;
  const { path } = crl;
  const blocks = blocksOf(crl, revocationListLabel);
  if (blocks.length === 0) throw new Error(`${path} contains no certificate revocation list in PEM`);
  try {
    createSecureContext({ crl: [...blocks] });
  } catch (cause) {
    throw new Error(`${path} contains a certificate revocation list that cannot be decoded`, { cause });
  }
  const lists = RevocationList.allOf(blocks);
  const authorities = ca === undefined ? [] : certificatesOf(ca);
  for (const each of authorities) checkAuthority(each, `an authority of ${ca!.path}`, { path, lists }, now);
  const certificates = cert === undefined ? [] : certificatesOf(cert);
  // The other ends accept the certificate of this end only with a list of each authority of its chain.
  const intermediates = presentsToAuthority ? certificates.slice(1) : [];
  for (const each of intermediates)
    checkAuthority(each, `an intermediate authority of ${cert!.path}`, { path, lists }, now);
  checkForeignLists([...authorities, ...intermediates], { path, lists }, now);
  const revoked = certificates.find(({ raw }) => lists.some((list) => list.contains(identityOf(raw))));
  if (revoked !== undefined)
    throw new Error(`${cert!.path}: the certificate of ${certificateNameOf(revoked)} is revoked by ${path}`);
}

interface ReadLists {
  readonly path: string;
  readonly lists: readonly RevocationList[];
}

function checkAuthority(
  authority: X509Certificate,
  role: string,
  { path, lists }: ReadLists,
  now: Date,
): void {
  if (Date.parse(authority.validTo) <= now.getTime()) return;
  const name = certificateNameOf(authority);
  const named = lists.filter((list) => list.isNamedAfter(authority));
  const signed = named.filter((list) => list.isSignedBy(authority));
  if (named.length === 0)
    throw new Error(
      `${path} contains no revocation list of ${name}, ${role}: all its certificates would be refused`,
    );
  if (signed.length === 0)
    throw new Error(
      `${path}: no revocation list of ${name} has the signature of this authority (${role}): the file is damaged, or the list ` +
        'belongs to another authority of the same name',
    );
  // OpenSSL selects a list by this name, and refuses the certificate if another key has signed the list.
  if (signed.length < named.length && named.some(({ authorityKey }) => authorityKey === null))
    throw new Error(
      `${path}: several authorities have the name ${name}, and one of their revocation lists contains no Authority Key ` +
        'Identifier. Issue the lists with the extension: "authorityKeyIdentifier=keyid" in the section that crl_extensions ' +
        'of the configuration of openssl names',
    );
  checkComplete(named, `the revocation list of ${name}`, path);
  const fault = timeFaultOf(signed, now);
  if (fault !== null)
    throw new Error(
      `${path}: the revocation list of ${name} ${fault.what}: all certificates of this authority would be refused. ${fault.advice}`,
    );
}

interface TimeFault {
  readonly what: string;
  readonly advice: string;
}

/**
 * Returns why no list of one authority is valid now, or null. OpenSSL needs one that is, and tolerates no difference of clocks.
 * With a tolerance, this check would accept lists with which OpenSSL refuses every certificate.
 */
function timeFaultOf(lists: readonly RevocationList[], now: Date): TimeFault | null {
  const nowSeconds = now.getTime() / 1_000;
  const begun = lists.filter(({ thisUpdateSeconds }) => thisUpdateSeconds <= nowSeconds);
  const last = Math.max(...begun.map(({ nextUpdateSeconds }) => nextUpdateSeconds));
  if (last > nowSeconds) return null;
  const first = Math.min(
    ...lists.map(({ thisUpdateSeconds }) => thisUpdateSeconds).filter((seconds) => seconds > nowSeconds),
  );
  if (Number.isFinite(first))
    return {
      // The text must be the same at each retry, so that the refusal is logged once.
      what: `is not valid before ${dateOf(first)} by the clock of this host`,
      advice: 'Compare the clocks of this host and of the host that issued the list',
    };
  return { what: `expired on ${dateOf(last)}`, advice: 'Issue a new list' };
}

/** Refuses lists of intermediate authorities whose certificates only the other ends present. */
function checkForeignLists(
  authorities: readonly X509Certificate[],
  { path, lists }: ReadLists,
  now: Date,
): void {
  const foreign = lists.filter((list) => !authorities.some((each) => list.isNamedAfter(each)));
  checkComplete(foreign, 'the revocation list of an intermediate authority', path);
  for (const list of foreign) {
    const all = foreign.filter((other) => other.hasAuthorityOf(list));
    const fault = timeFaultOf(all, now);
    if (fault !== null)
      throw new Error(
        `${path} contains a revocation list of an intermediate authority that ${fault.what}. ${fault.advice}, or delete it from ` +
          'the file',
      );
  }
}

/** OpenSSL ignores a list with a critical extension that it does not support, and selects others by the name of their issuer. */
function checkComplete(lists: readonly RevocationList[], what: string, path: string): void {
  const partial = lists.find(({ criticalExtension }) => criticalExtension !== null);
  if (partial === undefined) return;
  throw new Error(
    `${path}: ${what} has the critical extension ${partial.criticalExtension}, which is not supported: it must be a complete ` +
      'list of the authority, not a delta, indirect or partial list',
  );
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString();
}

/** Returns the revocations of a file that {@link checkRevocationLists} has accepted. */
export function revocationsOf(crl: PemFile): ListedRevocations {
  return new ListedRevocations(crl);
}
