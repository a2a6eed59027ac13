import type { Lifecycle, Logger, QoS } from '@mqtt-cluster/contracts';
import { clientProgramMetrics } from '@mqtt-cluster/metric-catalogue';
import {
  createHttpServer,
  createMetrics,
  createNotifier,
  recordCertificateExpiry,
  recordBuildInfo,
  WatchedFiles,
  watchClientTls,
} from '@mqtt-cluster/runtime';
import type { TlsOptions } from '@mqtt-cluster/failover-client';
import { Application } from './application.ts';
import type { ApplicationStatus } from './application.ts';
import { readCredentials } from './access-files.ts';
import { parseServers } from './config.ts';
import type { ClientConfig } from './config.ts';
import { ServiceNotifier } from './service-notifier.ts';

export interface Program extends Lifecycle {
  /** Returns the address of the HTTP server. Only valid while the program runs. */
  address(): { readonly host: string; readonly port: number };
}

/**
 * Creates the application with its HTTP server, metrics and systemd notifications. `start` rejects with a ListenError if
 * the HTTP address cannot be bound.
 *
 * @throws ConfigError a TLS file or the token file cannot be used; the message names the file
 */
export async function createProgram(config: ClientConfig, version: string, logger: Logger): Promise<Program> {
  const metrics = createMetrics({ declared: clientProgramMetrics });
  const files = new WatchedFiles({ logger, metrics });
  const tls = await watchClientTls('tls', config.tls, files);
  recordBuildInfo(metrics, version);
  const recordExpiry = ({ cert = '', ca = '' }: TlsOptions): void =>
    recordCertificateExpiry(metrics, { client: String(cert), client_authority: String(ca) });
  if (tls !== null) recordExpiry(tls.current);
  tls?.onChange(recordExpiry);
  const { serverName, checkServerName } = config.tls;
  // A file that is missing at the start is a wrong setting; later the file may be missing while it is renewed.
  readCredentials(config);
  const application = new Application({
    client: {
      servers: parseServers(config.servers),
      clientId: config.id,
      session: config.session,
      sessionExpirySeconds: config.sessionExpirySeconds,
      redundancy: config.redundancy as 1 | 2,
      protocolVersion: config.protocolVersion as 4 | 5,
      tls: () => ({
        ...tls?.current,
        ...(serverName !== '' && { serverName }),
        checkServerName,
      }),
      credentials: () => readCredentials(config),
      timings: config.timings,
      logger,
    },
    group: config.group,
    qosLevels: config.qosLevels as QoS[],
    metrics,
    logger,
  });
  const http = createHttpServer({
    host: config.http.host,
    port: config.http.port,
    logger,
    metrics: {
      contentType: metrics.contentType,
      render: () => {
        application.refreshMetrics();
        return metrics.render();
      },
    },
    health: () => ({ ok: true }),
    ready: () =>
      application.connected ? { ok: true } : { ok: false, reason: 'no connection to any member' },
    status: () => application.status(),
  });
  const serviceNotifier = new ServiceNotifier({
    notifier: createNotifier({ logger }),
    logger,
    status: () => ({ connected: application.connected, text: statusText(application.status()) }),
  });
  return {
    start: async () => {
      await http.start();
      serviceNotifier.start();
      await application.start();
    },
    stop: async () => {
      await application.stop();
      files.stop();
      await http.stop();
      metrics.stop();
      serviceNotifier.stop();
    },
    address: () => http.address(),
  };
}

function statusText({ client, violations }: ApplicationStatus): string {
  const { connected, server } = client;
  const where = connected ? `connected to ${server}` : 'not connected';
  return violations.length === 0 ? where : `${where}; ${violations.length} violations`;
}
