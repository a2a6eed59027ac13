import type { ClientEffect, ClientPort, ConnectionId } from '@mqtt-cluster/contracts';

type Ack = Extract<ClientEffect, { kind: 'puback' | 'pubrec' }>;

/**
 * Breaks P1 on purpose: while `active`, the port emits PUBACK and PUBREC as soon as the PUBLISH has arrived,
 * and drops the member's own acknowledgements. A checker of P1 must then detect lost messages.
 */
export function withEarlyAcks(port: ClientPort, active: () => boolean): ClientPort {
  let handler: (effects: readonly ClientEffect[]) => void = () => {};
  /** Number of acknowledgements that were sent early, by connection and packet identifier. */
  const early = new Map<ConnectionId, Map<number, number>>();

  const isAlreadySent = ({ connection, packetId }: Ack): boolean => {
    const counts = early.get(connection);
    const count = counts?.get(packetId) ?? 0;
    if (count > 1) counts?.set(packetId, count - 1);
    else counts?.delete(packetId);
    return count > 0;
  };

  return {
    ...port,
    input(connection, input) {
      if (input.kind === 'disconnect') early.delete(connection);
      port.input(connection, input);
      if (input.kind !== 'publish') return;
      const { qos, packetId } = input.request;
      if (!active() || qos === 0 || packetId === undefined) return;
      const counts = early.get(connection) ?? new Map<number, number>();
      early.set(connection, counts.set(packetId, (counts.get(packetId) ?? 0) + 1));
      // The broker is still handling this PUBLISH, so the acknowledgement waits for the end of that call.
      queueMicrotask(() =>
        handler([{ kind: qos === 1 ? 'puback' : 'pubrec', connection, packetId, result: 'ok' }]),
      );
    },
    onEffects(given) {
      handler = given;
      port.onEffects((effects) =>
        given(effects.filter((effect) => !isAck(effect) || !isAlreadySent(effect))),
      );
    },
  };
}

function isAck(effect: ClientEffect): effect is Ack {
  return effect.kind === 'puback' || effect.kind === 'pubrec';
}
