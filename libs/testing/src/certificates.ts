import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';

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
  /** Start of the validity. Default: one hour ago. */
  readonly from?: Date;
  /** End of the validity. Default: in two days. */
  readonly to?: Date;
}

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
  constructor(directory: string, name = 'authority') {
    this.#directory = join(directory, name);
    mkdirSync(this.#directory);
    this.caFile = join(this.#directory, 'ca.crt');
    this.crlFile = join(this.#directory, 'ca.crl');
    writeFileSync(join(this.#directory, 'index.txt'), '');
    writeFileSync(join(this.#directory, 'crlnumber'), '01\n');
    writeFileSync(join(this.#directory, 'ca.cnf'), caConfiguration);
    this.#openssl(
      'req',
      '-x509',
      ...newKey,
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
    this.#writeRevocationList();
  }

  /** The certificate of the authority. */
  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  /** The revocation list as it is now. */
  get crl(): string {
    return readFileSync(this.crlFile, 'utf8');
  }

  /** The revocation list and the certificates that it contains, as they are now. */
  get revocations(): { lists: string[]; contains(certificate: X509Certificate): boolean } {
    const revoked = new Set(this.#revoked);
    return { lists: [this.crl], contains: ({ fingerprint256 }) => revoked.has(fingerprint256) };
  }

  /** Issues a certificate for the common name. Two certificates with one name replace each other's files. */
  issue(
    name: string,
    { alternativeNames, extendedKeyUsage, from, to }: CertificateOptions = {},
  ): TestCertificate {
    const serial = (this.#serial++).toString(16).padStart(4, '0');
    writeFileSync(join(this.#directory, 'serial'), `${serial}\n`);
    const names = alternativeNames === undefined ? '' : `subjectAltName=${alternativeNames}\n`;
    const usage = extendedKeyUsage === undefined ? '' : `extendedKeyUsage=${extendedKeyUsage}\n`;
    writeFileSync(
      join(this.#directory, 'extensions'),
      `[extensions]\nbasicConstraints=CA:FALSE\n${names}${usage}`,
    );
    this.#openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', 'request.csr');
    this.#openssl(
      ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-in', 'request.csr', '-out', `${name}.crt`],
      ...['-extfile', 'extensions', '-extensions', 'extensions'],
      ...['-startdate', asn1Time(from ?? new Date(Date.now() - hourMs))],
      ...['-enddate', asn1Time(to ?? new Date(Date.now() + 2 * dayMs))],
    );
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
  revoke({ certFile, cert }: TestCertificate): void {
    this.#revoked.add(new X509Certificate(cert).fingerprint256);
    this.#openssl('ca', '-config', 'ca.cnf', '-revoke', certFile);
    this.#writeRevocationList();
  }

  #writeRevocationList(): void {
    this.#openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'ca.crl');
  }

  #openssl(...parameters: readonly string[]): void {
    execFileSync('openssl', parameters, { cwd: this.#directory, stdio: 'pipe' });
  }
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
