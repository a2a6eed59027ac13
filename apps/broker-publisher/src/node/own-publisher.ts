import type { Logger } from '@mqtt-cluster/contracts';
import type { ClientStream } from '@mqtt-cluster/failover-client';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createPublisher } from '@mqtt-cluster/publisher';
import type { Publisher, PublisherOptions } from '@mqtt-cluster/publisher';
import { publisherCredentials } from '../authentication/publisher-credentials.ts';
import type { ApplianceConfig } from '../config.ts';
import { publisherServers } from '../listeners/publisher-servers.ts';

export interface OwnPublisherOptions {
  readonly config: ApplianceConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Opens a connection to the broker of this process, which accepts it as the publisher. */
  readonly openStream: () => ClientStream;
}

/**
 * Creates the publisher of this process. Without the setting `publisher.username` it connects to the broker of this process
 * directly, with an identity that no client can have, so it needs no listener, no user and no rule. With a user it connects
 * like a client, to the plain listeners of all members.
 *
 * @throws ConfigError the password file cannot be read or is empty
 */
export function createOwnPublisher({ config, logger, metrics, openStream }: OwnPublisherOptions): Publisher {
  return createPublisher({
    memberId: config.id,
    ...connectionOf(config, logger, openStream),
    ...(config.publisher.group === '' ? {} : { sharedGroup: config.publisher.group }),
    ratePerSecond: config.publisher.rate,
    logger,
    metrics,
  });
}

function connectionOf(
  config: ApplianceConfig,
  logger: Logger,
  openStream: () => ClientStream,
): Pick<PublisherOptions, 'servers' | 'preferred' | 'connection'> {
  const credentials = publisherCredentials(config);
  const servers = credentials === null ? null : publisherServers(config);
  if (credentials !== null && servers !== null) return { ...servers, connection: credentials };
  if (credentials !== null) {
    const text =
      'publisher.username has no effect: no listener of this member serves plain TCP. The publisher connects inside the ' +
      'process';
    logger.warn({}, text);
  }
  // The URL is only the name of the server. Other members would not accept the identity of this process.
  return {
    servers: [{ id: config.id, url: `mqtt://${config.id}` }],
    connection: { discover: false, openStream },
  };
}
