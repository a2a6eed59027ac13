import type { QoS } from '@mqtt-cluster/history-checker';
import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, idlePlan, publishIntervalMs, supportedVersion } from './client-spec.ts';
import type { ClientSpec, ClientStep, WorkloadContext } from './client-spec.ts';

const nearPublishers = 3;
const remotePublishers = 2;
const topicsOfPublisher = 2;
/** Largest number of messages in one burst, so that several exchanges are in progress at any time. */
const burstMax = 8;

/** Topic filter of all messages of this workload. A link of the target must pass it in both directions. */
export const linkFilter = 'load/+/link/#';

/**
 * Publishers of QoS 1 and 2 in the cluster and at the broker beyond the link, and subscribers on both sides. Each subscriber
 * receives the messages of both sides. QoS 0 is absent, because a link drops it while it has no connection.
 */
export function link(context: WorkloadContext): ClientSpec[] {
  return clientsOf(context, (random) => (random() < 0.5 ? 1 : 2));
}

/**
 * The clients of {@link link} with messages of QoS 2 only. A link to a stream publishes every message with QoS 2, also those
 * that were published with QoS 1 on the other side.
 */
export function exactLink(context: WorkloadContext): ClientSpec[] {
  return clientsOf(context, () => 2);
}

function clientsOf(context: WorkloadContext, qosOf: (random: Random) => QoS): ClientSpec[] {
  if (context.remotes === 0) return [];
  const root = `${context.prefix}link/`;
  const publishers = nearPublishers + remotePublishers;
  const specs: ClientSpec[] = [];
  for (let index = 0; index < publishers; index++) {
    const isRemote = index >= nearPublishers;
    specs.push({
      name: `link-publisher-${index}`,
      version: supportedVersion(context, index % 2 === 0 ? 5 : 4),
      clean: false,
      expirySeconds: null,
      subscriptions: [],
      ...(isRemote && { atRemote: true }),
      firstServer: index,
      onLoss: { kind: 'roam' },
      expectedAtEnd: true,
      plan: (random) =>
        publishing(random, `${root}${isRemote ? 'remote' : 'near'}/${index}/`, context, publishers, qosOf),
    });
  }
  return [...specs, ...subscribers(context, root)];
}

function* publishing(
  random: Random,
  root: string,
  context: WorkloadContext,
  publishers: number,
  qosOf: (random: Random) => QoS,
): Generator<ClientStep, void, void> {
  for (;;) {
    const burst = random() < 0.5 ? 1 : between(random, 2, burstMax);
    for (let sent = 0; sent < burst; sent++) {
      const topic = `${root}t${Math.floor(random() * topicsOfPublisher)}`;
      const qos = cappedQos(qosOf(random), context);
      yield { do: 'publish', topic, qos };
    }
    yield { do: 'wait', ms: burst * publishIntervalMs(random, context.rate / publishers) };
  }
}

function subscribers(context: WorkloadContext, root: string): ClientSpec[] {
  const kinds: readonly (readonly [version: 4 | 5, qos: QoS, filter: string, isRemote: boolean])[] = [
    [5, 2, `${root}#`, false],
    [4, 1, `${root}remote/#`, false],
    [5, 2, `${root}#`, true],
    [4, 1, `${root}near/#`, true],
  ];
  return kinds.map(([version, qos, filter, isRemote], index) => ({
    name: `link-subscriber-${index}`,
    version: supportedVersion(context, version),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter, qos: cappedQos(qos, context) }],
    ...(isRemote && { atRemote: true as const }),
    firstServer: context.servers + nearPublishers - index,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: idlePlan,
  }));
}
