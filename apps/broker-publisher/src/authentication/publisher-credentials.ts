import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { readSettingLine, recordCertificateExpiry, watchClientTls } from '@mqtt-cluster/runtime';
import type { ClientTls, WatchedFiles } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';

/** The user name and the password of the publisher; none with a client certificate alone. */
interface PublisherCredentials {
  readonly username?: string;
  readonly password?: string;
}

/** What the publisher in this process presents to a listener. The functions read the values for the next connection. */
export interface PublisherAccess {
  readonly credentials: () => PublisherCredentials;
  readonly tls: () => ClientTls;
}

/**
 * Reads the password and the TLS files with which the publisher in this process connects to listeners. Null: it connects
 * inside the process.
 *
 * @throws ConfigError a file cannot be read or is unusable; the message names the setting and the file
 */
export async function openPublisherAccess(
  config: ApplianceConfig,
  files: WatchedFiles,
  metrics?: Metrics,
): Promise<PublisherAccess | null> {
  const { username, tls: paths } = config.publisher;
  if (username === '' && paths.cert === '') return null;
  // A file that is missing at the start is a wrong setting; later the file may be missing while it is renewed.
  publisherCredentials(config);
  const tls = await watchClientTls('publisher.tls', paths, files);
  const record = ({ cert, ca }: ClientTls): void => {
    if (metrics !== undefined)
      recordCertificateExpiry(metrics, { publisher: cert ?? '', publisher_authority: ca ?? '' });
  };
  if (tls !== null) record(tls.current);
  tls?.onChange(record);
  return { credentials: () => publisherCredentials(config), tls: () => tls?.current ?? {} };
}

function publisherCredentials({
  publisher: { username, passwordFile },
}: ApplianceConfig): PublisherCredentials {
  if (username === '') return {};
  return { username, password: readSettingLine('publisher.passwordFile', passwordFile) };
}
