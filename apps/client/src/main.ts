import type { QoS } from '@mqtt-cluster/contracts';
import { createHttpServer, createLogger, createMetrics, oneLineExit } from '@mqtt-cluster/runtime';
import { Application } from './application.ts';
import { parseServers, readConfig, readTls } from './config.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env['NODE_CONFIG_DIR'] ?? './config');
  const logger = createLogger({ level: config.log.level, fields: { client: config.id } });
  const metrics = createMetrics({ defaultLabels: { client: config.id } });
  const { username, password } = config;
  const application = new Application({
    client: {
      servers: parseServers(config.servers),
      clientId: config.id,
      session: config.session,
      sessionExpirySeconds: config.sessionExpirySeconds,
      redundancy: config.redundancy as 1 | 2,
      protocolVersion: config.protocolVersion as 4 | 5,
      tls: readTls(config.tls),
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
