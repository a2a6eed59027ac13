import type { ClientEffect, ClientPort } from '@mqtt-cluster/contracts';

/**
 * Returns a port that passes everything to `inner`. After the broker has handled the effects of a turn, the port
 * also calls `onEffects`.
 */
export function observedClientPort(
  inner: ClientPort,
  onEffects: (effects: readonly ClientEffect[]) => void,
): ClientPort {
  return {
    input: (connection, input) => inner.input(connection, input),
    publishLocal: (message) => inner.publishLocal(message),
    status: () => inner.status(),
    onEffects: (handler) =>
      inner.onEffects((effects) => {
        handler(effects);
        onEffects(effects);
      }),
  };
}
