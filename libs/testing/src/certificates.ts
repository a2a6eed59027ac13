import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';

/** The files and texts of one certificate, all in PEM. */
export interface TestCertificate {
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: string;
  readonly cert: string;
}

export interface CertificateOptions {
  /** Subject Alternative Name in the form of openssl, such as `DNS:localhost,IP:127.0.0.1`. Default: none. */
  readonly alternativeNames?: string;
  /** Extended key usage in the form of openssl, such as `clientAuth`. Default: none. */
  readonly extendedKeyUsage?: string;
  /** Whether the certificate contains the Authority Key Identifier. Default: true. */
  readonly authorityKey?: boolean;
  /** Start of the validity. Default: one hour ago. */
  readonly from?: Date;
  /** End of the validity. Default: in two days. */
  readonly to?: Date;
}

export interface AuthorityOptions {
  /** Common name of the authority. Default: the name of its directory. */
  readonly commonName?: string;
  /** The authority that issues the certificate of this intermediate authority. Default: it signs its own certificate. */
  readonly issuer?: TestAuthority;
  /** End of the validity of an intermediate authority. Default: in two days. */
  readonly to?: Date;
}

interface TestChain {
  readonly certificates: readonly {
    readonly issuer: string;
    readonly serial: string;
    readonly authorityKey: null;
  }[];
  readonly isCertain: boolean;
}

interface TestRevocations {
  readonly lists: string[];
  readonly nextUpdateSeconds: null;
  chainOf(socket: Pick<TLSSocket, 'getPeerCertificate'>): TestChain;
  contains(chain: TestChain): boolean;
  endsOpen(chain: TestChain): boolean;
}

export interface RevocationListOptions {
  /** When the list expires. Default: in two days. */
  readonly nextUpdate?: Date;
  /** When the list becomes valid. Default: a day before it expires. */
  readonly thisUpdate?: Date;
  /** Extensions of the list in the form of openssl, such as `authorityKeyIdentifier=keyid`. Default: none. */
  readonly extensions?: string;
}

const authorityKeyId = 'authorityKeyIdentifier=keyid\n';
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

/**
 * A certificate authority for tests, made with `openssl` (`requiring('openssl')`). It issues certificates with any
 * validity, and revokes them. All its files are in one directory.
 */
export class TestAuthority {
  readonly #directory: string;
  readonly caFile: string;
  readonly crlFile: string;
  readonly #revoked = new Set<string>();
  #serial = 1;

  /** @param directory where the authority creates a directory with its name */
  constructor(
    directory: string,
    name = 'authority',
    { commonName = name, issuer, to }: AuthorityOptions = {},
  ) {
    this.#directory = join(directory, name);
    mkdirSync(this.#directory);
    this.caFile = join(this.#directory, 'ca.crt');
    this.crlFile = join(this.#directory, 'ca.crl');
    writeFileSync(join(this.#directory, 'index.txt'), '');
    writeFileSync(join(this.#directory, 'crlnumber'), '01\n');
    writeFileSync(join(this.#directory, 'ca.cnf'), caConfiguration);
    const subject = ['-subj', `/CN=${commonName}`, '-keyout', 'ca.key'];
    if (issuer === undefined) {
      this.#openssl('req', '-x509', ...newKey, '-days', '30', ...subject, '-out', 'ca.crt');
    } else {
      this.#openssl('req', ...newKey, ...subject, '-out', 'ca.csr');
      const extensions = `${authorityKeyId}basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n`;
      issuer.#sign(join(this.#directory, 'ca.csr'), this.caFile, extensions, { to });
    }
    this.writeRevocationList();
  }

  /** The certificate of the authority. */
  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  /** The revocation list as it is now. */
  get crl(): string {
    return readFileSync(this.crlFile, 'utf8');
  }

  /** The revocations as they are now. */
  get revocations(): TestRevocations {
    return this.revocationsWith();
  }

  /** The revocations of this and further authorities as they are now. */
  revocationsWith(...more: readonly TestAuthority[]): TestRevocations {
    const all = [this, ...more];
    const revoked = new Set(all.flatMap((each) => [...each.#revoked]));
    const contains = ({ certificates }: TestChain): boolean =>
      certificates.some(({ serial }) => revoked.has(serial));
    return {
      lists: all.map(({ crl }) => crl),
      nextUpdateSeconds: null,
      chainOf: (socket) => ({
        certificates: fingerprintsOf(socket.getPeerCertificate(true)).map((serial) => ({
          issuer: '',
          serial,
          authorityKey: null,
        })),
        isCertain: true,
      }),
      contains,
      endsOpen: contains,
    };
  }

  /** Issues a certificate for the common name. Two certificates with one name replace each other's files. */
  issue(
    name: string,
    { alternativeNames, extendedKeyUsage, authorityKey = true, from, to }: CertificateOptions = {},
  ): TestCertificate {
    const names = alternativeNames === undefined ? '' : `subjectAltName=${alternativeNames}\n`;
    const usage = extendedKeyUsage === undefined ? '' : `extendedKeyUsage=${extendedKeyUsage}\n`;
    this.#openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', 'request.csr');
    const issuer = authorityKey ? authorityKeyId : 'authorityKeyIdentifier=none\n';
    const extensions = `${issuer}basicConstraints=CA:FALSE\n${names}${usage}`;
    this.#sign('request.csr', `${name}.crt`, extensions, { from, to });
    const [keyFile, certFile] = [join(this.#directory, `${name}.key`), join(this.#directory, `${name}.crt`)];
    return { keyFile, certFile, key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
  }

  /** Issues a certificate for a server at `localhost` and all given addresses. */
  issueServer(name = 'server', ...addresses: readonly string[]): TestCertificate {
    const names = ['DNS:localhost', ...addresses.map((address) => `IP:${address}`)];
    return this.issue(name, { alternativeNames: names.join(',') });
  }

  /** Issues a certificate that has expired. */
  issueExpired(name: string, options: CertificateOptions = {}): TestCertificate {
    return this.issue(name, {
      from: new Date(Date.now() - 2 * dayMs),
      to: new Date(Date.now() - hourMs),
      ...options,
    });
  }

  /** Issues a certificate that is not valid yet. */
  issueFuture(name: string, options: CertificateOptions = {}): TestCertificate {
    return this.issue(name, { from: new Date(Date.now() + dayMs), ...options });
  }

  /** Revokes a certificate and writes the revocation list again. */
  revoke({ certFile, cert }: Pick<TestCertificate, 'certFile' | 'cert'>): void {
    this.#revoked.add(new X509Certificate(cert).fingerprint256);
    this.#openssl('ca', '-config', 'ca.cnf', '-revoke', certFile);
    this.writeRevocationList();
  }

  /** Writes the revocation list again. */
  writeRevocationList({ nextUpdate, thisUpdate, extensions }: RevocationListOptions = {}): void {
    const times =
      nextUpdate === undefined
        ? []
        : [
            ...['-crl_lastupdate', asn1Time(thisUpdate ?? new Date(nextUpdate.getTime() - dayMs))],
            ...['-crl_nextupdate', asn1Time(nextUpdate)],
          ];
    writeFileSync(join(this.#directory, 'ca.cnf'), `${caConfiguration}[list]\n${extensions ?? ''}\n`);
    const section = extensions === undefined ? [] : ['-crlexts', 'list'];
    this.#openssl('ca', '-config', 'ca.cnf', '-gencrl', ...section, ...times, '-out', 'ca.crl');
  }

  #sign(
    request: string,
    out: string,
    extensions: string,
    { from, to }: { readonly from?: Date | undefined; readonly to?: Date | undefined } = {},
  ): void {
    const serial = (this.#serial++).toString(16).padStart(4, '0');
    writeFileSync(join(this.#directory, 'serial'), `${serial}\n`);
    writeFileSync(join(this.#directory, 'extensions'), `[extensions]\n${extensions}`);
    this.#openssl(
      ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-in', request, '-out', out],
      ...['-extfile', 'extensions', '-extensions', 'extensions'],
      ...['-startdate', asn1Time(from ?? new Date(Date.now() - hourMs))],
      ...['-enddate', asn1Time(to ?? new Date(Date.now() + 2 * dayMs))],
    );
  }

  #openssl(...parameters: readonly string[]): void {
    execFileSync('openssl', parameters, { cwd: this.#directory, stdio: 'pipe' });
  }
}

function fingerprintsOf({ fingerprint256, issuerCertificate }: DetailedPeerCertificate): string[] {
  const isRoot = issuerCertificate === undefined || issuerCertificate.fingerprint256 === fingerprint256;
  return [fingerprint256, ...(isRoot ? [] : fingerprintsOf(issuerCertificate))];
}

const caConfiguration = `[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_days = 2
default_crl_days = 2
policy = policy
unique_subject = no
[policy]
commonName = supplied
`;

/** Formats a time as `YYMMDDHHMMSSZ`, as openssl expects it. */
function asn1Time(date: Date): string {
  return `${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`;
}
