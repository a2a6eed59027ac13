import type { ListeningBridge, BridgeTls } from '@mqtt-cluster/bridge';
import type { Broker, ListenerTls } from '@mqtt-cluster/broker';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { recordCertificateExpiry, recordRevocationListExpiry } from '@mqtt-cluster/runtime';
import type { PemFile, WatchedFile, WatchedFiles } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from './client-listeners.ts';
import { memberTlsPaths, parseListenerTls, parseMemberTls, tlsPaths, usesTls } from './listener-tls.ts';
import type { TlsListener } from './listener-tls.ts';

interface WatchedListener {
  readonly name: string;
  readonly file: WatchedFile<ListenerTls>;
}

/**
 * The keys, certificates and revocation lists of all client listeners and of the cluster port. Renewed files apply to new
 * connections. Of the open connections, only those with a revoked certificate are closed. The former values stay in use
 * while the files are unusable, for example because a new key has no new certificate yet.
 */
export class WatchedTls {
  readonly #listeners: readonly WatchedListener[];
  readonly #cluster: WatchedFile<BridgeTls> | null;
  readonly #metrics: Metrics;

  private constructor(
    listeners: readonly WatchedListener[],
    cluster: WatchedFile<BridgeTls> | null,
    metrics: Metrics,
  ) {
    this.#listeners = listeners;
    this.#cluster = cluster;
    this.#metrics = metrics;
  }

  /** @throws ConfigError with the setting, the path and the fault of a file that cannot be used */
  static async read(config: ApplianceConfig, files: WatchedFiles, metrics: Metrics): Promise<WatchedTls> {
    const listeners: WatchedListener[] = [];
    for (const listener of clientListeners(config).filter(usesTls))
      listeners.push({ name: listener.name, file: await watchListener(listener, files) });
    const cluster = config.tls.key === '' ? null : await watchCluster(config.tls, files);
    return new WatchedTls(listeners, cluster, metrics);
  }

  /** Key and certificates of the cluster port; null without TLS. */
  get cluster(): BridgeTls | null {
    return this.#cluster?.current ?? null;
  }

  /** Key and certificates of a listener that uses TLS. */
  listener(name: string): ListenerTls {
    return this.#listeners.find((each) => each.name === name)!.file.current;
  }

  /** Passes renewed files on to a broker and a bridge that have started with the values before. */
  attach(broker: Broker, bridge: ListeningBridge): void {
    for (const { name, file } of this.#listeners) {
      const record = (tls: ListenerTls): void => {
        recordCertificateExpiry(this.#metrics, {
          [`listener_${name}`]: tls.cert,
          ...(tls.ca !== undefined && { [`listener_${name}_authority`]: tls.ca }),
        });
        recordRevocationListExpiry(this.#metrics, `listener_${name}`, tls.revocations);
      };
      follow(file, (tls) => {
        broker.updateTls(name, tls);
        record(tls);
      });
    }
    if (this.#cluster === null) return;
    follow(this.#cluster, (tls) => {
      bridge.updateTls(tls);
      recordCertificateExpiry(this.#metrics, {
        cluster: String(tls.cert),
        cluster_authority: String(tls.ca),
      });
      recordRevocationListExpiry(this.#metrics, 'cluster', tls.revocations);
    });
  }
}

/** Calls the function now, because the files may have changed during the start, and at each change. */
function follow<Value>(file: WatchedFile<Value>, apply: (value: Value) => void): void {
  apply(file.current);
  file.onChange(apply);
}

function watchListener(listener: TlsListener, files: WatchedFiles): Promise<WatchedFile<ListenerTls>> {
  return files.watch({
    setting: `${listener.setting}.tls`,
    paths: tlsPaths(listener),
    parse: (contents) => parseListenerTls(listener, contents.map(pemFile)),
  });
}

function watchCluster(tls: ApplianceConfig['tls'], files: WatchedFiles): Promise<WatchedFile<BridgeTls>> {
  return files.watch({
    setting: 'tls',
    paths: memberTlsPaths(tls),
    parse: (contents) => parseMemberTls(contents.map(pemFile)),
  });
}

function pemFile({ path, bytes }: { readonly path: string; readonly bytes: Buffer }): PemFile {
  return { path, text: bytes.toString('utf8') };
}
