import type { ClientEffect, ClientPort, ConnectionId } from '@mqtt-cluster/contracts';

type Ack = Extract<ClientEffect, { kind: 'puback' | 'pubrec' }>;

/**
 * Breaks P1 on purpose: while `active`, PUBACK and PUBREC leave as soon as the PUBLISH has come, and the real ones are
 * swallowed. Whoever checks that nothing acked is lost must find the losses.
 */
export function withEarlyAcks(port: ClientPort, active: () => boolean): ClientPort {
  let handler: (effects: readonly ClientEffect[]) => void = () => {};
  /** Acks that have left early, by connection and packet id, and how often. */
  const early = new Map<ConnectionId, Map<number, number>>();

  const isSwallowed = ({ connection, packetId }: Ack): boolean => {
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
      // The broker is in the middle of reading this very packet.
      queueMicrotask(() =>
        handler([{ kind: qos === 1 ? 'puback' : 'pubrec', connection, packetId, result: 'ok' }]),
      );
    },
    onEffects(given) {
      handler = given;
      port.onEffects((effects) => given(effects.filter((effect) => !isAck(effect) || !isSwallowed(effect))));
    },
  };
}

function isAck(effect: ClientEffect): effect is Ack {
  return effect.kind === 'puback' || effect.kind === 'pubrec';
}
