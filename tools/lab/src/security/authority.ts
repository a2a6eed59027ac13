import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';

/** The certificates are valid for longer than any run of a lab. */
const validDays = '30';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

/** Files of one certificate, in PEM. */
export interface CertificateFiles {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority of one lab. Its files, and those of its certificates, are in one folder. */
export class Authority {
  readonly caFile: string;
  readonly #folder: string;
  readonly #openssl: string;

  /** Makes a new authority. @throws LabError when openssl is not installed or fails */
  constructor(folder: string, program = 'openssl') {
    const openssl = findProgram(program);
    if (openssl === null)
      throw new LabError('openssl is not installed; the lab needs it to make certificates');
    this.#openssl = openssl;
    this.#folder = folder;
    this.caFile = join(folder, 'ca.crt');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#run(
      'req',
      '-x509',
      ...newKey,
      '-days',
      validDays,
      '-subj',
      '/CN=lab',
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
    );
  }

  /** The certificate of the authority. */
  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  /** Issues a certificate for a member and for the address of its listeners. */
  issue(name: string, host: string): CertificateFiles {
    const names = `DNS:${name},IP:${host}`;
    writeFileSync(join(this.#folder, 'extensions'), `basicConstraints=CA:FALSE\nsubjectAltName=${names}\n`);
    this.#run('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', 'request.csr');
    this.#run(
      ...['x509', '-req', '-in', 'request.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', validDays, '-extfile', 'extensions', '-out', `${name}.crt`],
    );
    return { key: join(this.#folder, `${name}.key`), cert: join(this.#folder, `${name}.crt`) };
  }

  #run(...parameters: readonly string[]): void {
    try {
      execFileSync(this.#openssl, parameters, { cwd: this.#folder, stdio: 'pipe' });
    } catch (cause) {
      const output = String((cause as { stderr?: unknown }).stderr ?? cause);
      throw new LabError(`openssl ${parameters[0]} failed: ${output.trim().split('\n').at(-1)}`, { cause });
    }
  }
}
