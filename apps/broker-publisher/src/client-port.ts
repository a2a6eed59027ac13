import type { ClientEffect, ClientPort } from '@mqtt-cluster/contracts';

/** The member as the broker sees it, with somebody who looks at the effects after the broker. */
export function watchedPort(
  inner: ClientPort,
  onEffects: (effects: readonly ClientEffect[]) => void,
): ClientPort {
  return {
    connect: (connection, request) => inner.connect(connection, request),
    disconnect: (connection, how) => inner.disconnect(connection, how),
    subscribe: (connection, packetId, subscriptions) => inner.subscribe(connection, packetId, subscriptions),
    unsubscribe: (connection, packetId, filters) => inner.unsubscribe(connection, packetId, filters),
    publish: (connection, publish) => inner.publish(connection, publish),
    pubrel: (connection, packetId) => inner.pubrel(connection, packetId),
    puback: (connection, packetId) => inner.puback(connection, packetId),
    pubrec: (connection, packetId, refused) => inner.pubrec(connection, packetId, refused),
    pubcomp: (connection, packetId) => inner.pubcomp(connection, packetId),
    writable: (connection, writable) => inner.writable(connection, writable),
    publishLocal: (message) => inner.publishLocal(message),
    status: () => inner.status(),
    onEffects: (handler) =>
      inner.onEffects((effects) => {
        handler(effects);
        onEffects(effects);
      }),
  };
}
