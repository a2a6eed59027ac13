import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { checkTlsFiles, recordCertificateExpiry } from '@mqtt-cluster/runtime';
import type { HttpTls, WatchedFiles } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';

export interface WatchedHttpTls {
  readonly current: HttpTls;
  onChange(listener: () => void): () => void;
}

/** Calls the function with the key and certificates now and after each change, and records when they expire. */
export function followHttpTls(file: WatchedHttpTls, metrics: Metrics, apply: (tls: HttpTls) => void): void {
  const follow = (): void => {
    const { cert, ca } = file.current;
    apply(file.current);
    recordCertificateExpiry(metrics, { http: String(cert), ...(ca && { http_authority: String(ca) }) });
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
    paths: [tls.key, tls.cert, tls.ca].filter((path) => path !== ''),
    parse: ([key, cert, ca]): HttpTls => {
      const text = (file: typeof key): string => Buffer.from(file!.bytes).toString('utf8');
      const pem = (path: string, file: typeof key) => ({ path, text: text(file) });
      checkTlsFiles({
        uses: ['server'],
        key: pem(tls.key, key),
        cert: pem(tls.cert, cert),
        ...(ca && { ca: pem(tls.ca, ca) }),
      });
      return { key: text(key), cert: text(cert), ...(ca && { ca: text(ca) }) };
    },
  });
}
