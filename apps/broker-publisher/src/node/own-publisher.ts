import type { Logger } from '@mqtt-cluster/contracts';
import type { ClientStream } from '@mqtt-cluster/failover-client';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createPublisher } from '@mqtt-cluster/publisher';
import type { Publisher, PublisherOptions } from '@mqtt-cluster/publisher';
import type { PublisherAccess } from '../authentication/publisher-credentials.ts';
import type { ApplianceConfig } from '../config.ts';
import { isTlsKind } from '../listeners/listener-settings.ts';
import { publisherServers } from '../listeners/publisher-servers.ts';

export interface OwnPublisherOptions {
  readonly config: ApplianceConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What the publisher presents to a listener. Null: it connects inside the process. */
  readonly access: PublisherAccess | null;
  /** Opens a connection to the broker of this process, which accepts it as the publisher. */
  readonly openStream: () => ClientStream;
}

/**
 * Creates the publisher of this process. Without a user and a certificate of its own (settings `publisher.username` and
 * `publisher.tls.cert`) it connects to the broker of this process directly, with an identity that no client can have, so it
 * needs no listener, no user and no rule. Otherwise it connects like a client, to the listeners of all members that have the
 * kind `publisher.listenerKind`.
 */
export function createOwnPublisher(options: OwnPublisherOptions): Publisher {
  const { config, logger, metrics } = options;
  return createPublisher({
    memberId: config.id,
    ...connectionOf(options),
    ...(config.publisher.group === '' ? {} : { sharedGroup: config.publisher.group }),
    ratePerSecond: config.publisher.rate,
    logger,
    metrics,
  });
}

function connectionOf({
  config,
  logger,
  access,
  openStream,
}: OwnPublisherOptions): Pick<PublisherOptions, 'servers' | 'preferred' | 'connection'> {
  const servers = access === null ? null : publisherServers(config);
  if (access !== null && servers !== null) {
    const { credentials, tls } = access;
    return {
      ...servers,
      connection: { credentials, ...(isTlsKind(config.publisher.listenerKind) && { tls }) },
    };
  }
  if (access !== null) {
    const text =
      'publisher.username and publisher.tls have no effect: no listener of this member has the kind of ' +
      'publisher.listenerKind. The publisher connects inside the process';
    logger.warn({ listenerKind: config.publisher.listenerKind }, text);
  }
  // The URL is only the name of the server. Other members would not accept the identity of this process.
  return {
    servers: [{ id: config.id, url: `mqtt://${config.id}` }],
    connection: { discover: false, openStream },
  };
}
