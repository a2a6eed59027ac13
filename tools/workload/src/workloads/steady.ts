import type { QoS } from '@mqtt-cluster/history-checker';
import { cappedQos, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, ClientStep, WorkloadContext } from './client-spec.ts';

const qosLevels: readonly QoS[] = [0, 1, 2];

/**
 * One publisher for each server and QoS, and subscribers of all kinds that stay connected. The publishers
 * publish at even intervals, so that the time without acknowledgements after a fault can be measured (P8).
 */
export function steady(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}steady/`;
  const levels = qosLevels.filter((qos) => qos <= context.qosMax);
  const firstServers = Array.from({ length: context.servers }, (_, firstServer) => firstServer);
  const intervalMs = (1_000 * levels.length * context.servers) / Math.max(context.rate, 0.001);
  const publishers = levels.flatMap((qos) =>
    firstServers.map((firstServer): ClientSpec => {
      const name = `steady-publisher-${firstServer}-qos${qos}`;
      return {
        name,
        version: 4,
        clean: false,
        expirySeconds: null,
        subscriptions: [],
        firstServer,
        onLoss: { kind: 'roam' },
        expectedAtEnd: true,
        plan: (random) => publishing(`${root}${name}`, qos, intervalMs, random() * intervalMs),
      };
    }),
  );
  return [...publishers, ...subscribers(context, root)];
}

/** @param firstMs time until the first message; it differs between publishers, so that the load is even */
function* publishing(
  topic: string,
  qos: QoS,
  intervalMs: number,
  firstMs: number,
): Generator<ClientStep, void, void> {
  yield { do: 'wait', ms: firstMs };
  for (;;) {
    yield { do: 'publish', topic, qos };
    yield { do: 'wait', ms: intervalMs };
  }
}

function subscribers(context: WorkloadContext, root: string): ClientSpec[] {
  const kinds: readonly (readonly [version: 4 | 5, clean: boolean, qos: QoS])[] = [
    [5, false, 2],
    [4, false, 2],
    [4, false, 1],
    [5, true, 2],
    [4, true, 2],
  ];
  return kinds.map(([version, clean, qos], index) => ({
    name: `steady-subscriber-${index}`,
    version: supportedVersion(context, version),
    clean,
    expirySeconds: clean ? 0 : null,
    subscriptions: [{ filter: `${root}#`, qos: cappedQos(qos, context) }],
    firstServer: context.servers + kinds.length - index,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: idlePlan,
  }));
}
