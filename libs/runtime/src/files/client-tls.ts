import { checkTlsFiles } from './tls-files.ts';
import type { PemFile } from './pem-file.ts';
import type { WatchedFile, WatchedFiles } from './watched-files.ts';

const kinds = ['ca', 'cert', 'key'] as const;

/** PEM texts of a client: the authorities that it trusts, and its certificate with the key. */
export type ClientTls = Readonly<Partial<Record<(typeof kinds)[number], string>>>;

/**
 * Reads the PEM files of a client, and reads them again when they change. Changed files that are unusable, such as a new
 * certificate without its key, are logged, and the values before them stay in use.
 *
 * @param paths the files; an empty path for none. A certificate and its key need each other
 * @returns null if there is no file
 * @throws ConfigError a file cannot be read or is unusable; the message names the file
 */
export async function watchClientTls(
  setting: string,
  paths: Readonly<Record<(typeof kinds)[number], string>>,
  files: WatchedFiles,
): Promise<WatchedFile<ClientTls> | null> {
  const named = kinds.filter((kind) => paths[kind] !== '');
  if (named.length === 0) return null;
  return files.watch({
    setting,
    paths: named.map((kind) => paths[kind]),
    parse: (contents) => {
      const entries = named.map((kind, index): [string, PemFile] => {
        const { path, bytes } = contents[index]!;
        return [kind, { path, text: bytes.toString('utf8') }];
      });
      checkTlsFiles({ ...Object.fromEntries(entries), uses: ['client'] });
      return Object.fromEntries(entries.map(([kind, { text }]) => [kind, text]));
    },
  });
}
