import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import {
  checkTlsFiles,
  recordCertificateExpiry,
  recordRevocationListExpiry,
  revocationsOf,
} from '@mqtt-cluster/runtime';
import type { HttpTls, PemFile, WatchedFiles } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';

export interface WatchedHttpTls {
  readonly current: HttpTls;
  onChange(listener: () => void): () => void;
}

/** Calls the function with the key and certificates now and after each change, and records when they expire. */
export function followHttpTls(file: WatchedHttpTls, metrics: Metrics, apply: (tls: HttpTls) => void): void {
  const follow = (): void => {
    const { cert, ca, revocations } = file.current;
    apply(file.current);
    recordCertificateExpiry(metrics, { http: String(cert), ...(ca && { http_authority: String(ca) }) });
    recordRevocationListExpiry(metrics, 'http', revocations);
  };
  follow();
  file.onChange(follow);
}

/**
 * Reads the files of the setting `http.tls`, and reads them again when they change. Returns null without HTTPS.
 *
 * @throws ConfigError the message names the file that is wrong
 */
export async function openHttpTls(
  { http: { tls } }: ApplianceConfig,
  files: WatchedFiles,
): Promise<WatchedHttpTls | null> {
  if (tls.key === '') return null;
  return files.watch({
    setting: 'http.tls',
    paths: [tls.key, tls.cert, tls.ca, tls.crl].filter((path) => path !== ''),
    parse: (contents): HttpTls => {
      const [key, cert, ca, crl] = contents.map(({ path, bytes }): PemFile => ({
        path,
        text: Buffer.from(bytes).toString('utf8'),
      })) as [PemFile, PemFile, PemFile?, PemFile?];
      checkTlsFiles({ uses: ['server'], key, cert, ...(ca && { ca }), ...(crl && { crl }) });
      return {
        key: key.text,
        cert: cert.text,
        ...(ca && { ca: ca.text }),
        ...(crl && { revocations: revocationsOf(crl) }),
      };
    },
  });
}
