import type { ClientEffect, ClientPort } from '@mqtt-cluster/contracts';

/**
 * Returns the same port; it also calls `onEffects` each time after the broker has handled the effects of a
 * turn.
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
