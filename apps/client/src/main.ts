import { clientProgramMetrics } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';
import {
  createHttpServer,
  createLogger,
  createMetrics,
  describeCertificates,
  describeProcess,
  oneLineExit,
} from '@mqtt-cluster/runtime';
import { Application } from './application.ts';
import { parseServers, readConfig, readTls } from './config.ts';

declare const BUILD_VERSION: string | undefined;
/** Put in by the build. */
const version = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : '0.1.0';

async function main(): Promise<void> {
  const config = readConfig(process.env['NODE_CONFIG_DIR'] ?? './config');
  const logger = createLogger({ level: config.log.level, fields: { client: config.id } });
  const metrics = createMetrics({ declared: clientProgramMetrics });
  const tls = readTls(config.tls);
  describeProcess(metrics, version);
  describeCertificates(metrics, { client: String(tls.cert ?? ''), client_authority: String(tls.ca ?? '') });
  const { username, password } = config;
  const application = new Application({
    client: {
      servers: parseServers(config.servers),
      clientId: config.id,
      session: config.session,
      sessionExpirySeconds: config.sessionExpirySeconds,
      redundancy: config.redundancy as 1 | 2,
      protocolVersion: config.protocolVersion as 4 | 5,
      tls,
      timings: config.timings,
      logger,
      ...(username === '' ? {} : { username }),
      ...(password === '' ? {} : { password }),
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
  const stop = (signal: string): void => {
    logger.info({ signal }, 'stopping');
    const stopped = application.stop().then(() => http.stop());
    stopped.then(() => process.exit(0), oneLineExit);
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.on('uncaughtException', oneLineExit);
  process.on('unhandledRejection', oneLineExit);
  await http.start();
  await application.start();
}

main().catch(oneLineExit);
