import type { QoS } from '@mqtt-cluster/history-checker';
import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, publishIntervalMs, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

const publishers = 5;
const topicsOfPublisher = 3;
/**
 * Largest number of messages in one burst. The bursts are large, so that many messages are unacknowledged
 * when a server is killed.
 */
const burstMax = 12;

/**
 * Publishers of all QoS levels with topics of their own, and subscribers of all kinds that stay connected.
 */
export function stream(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}stream/`;
  const specs: ClientSpec[] = [];
  for (let index = 0; index < publishers; index++) {
    specs.push({
      name: `stream-publisher-${index}`,
      version: supportedVersion(context, index % 2 === 0 ? 4 : 5),
      // One publisher has a clean session, so its exactly-once delivery is limited to one connection.
      clean: index === publishers - 1,
      expirySeconds: index === publishers - 1 ? 0 : null,
      subscriptions: [],
      firstServer: index,
      onLoss: { kind: 'roam' },
      expectedAtEnd: index !== publishers - 1,
      plan: (random) => publishing(random, `${root}${index}/`, context),
    });
  }
  return [...specs, ...subscribers(context, root)];
}

function* publishing(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    const burst = random() < 0.5 ? 1 : between(random, 2, burstMax);
    for (let sent = 0; sent < burst; sent++) {
      const topic = `${root}t${Math.floor(random() * topicsOfPublisher)}`;
      yield { do: 'publish', topic, qos: cappedQos(Math.floor(random() * 3) as QoS, context) };
    }
    yield { do: 'wait', ms: burst * publishIntervalMs(random, context.rate / publishers) };
  }
}

function subscribers(context: WorkloadContext, root: string): ClientSpec[] {
  const kinds: readonly (readonly [version: 4 | 5, clean: boolean, qos: QoS, filters: readonly string[]])[] =
    [
      [5, false, 2, [`${root}#`]],
      [4, false, 2, [`${root}+/t0`, `${root}0/#`]],
      [4, false, 1, [`${root}+/+`]],
      [5, true, 2, [`${root}#`]],
      [4, true, 0, [`${root}1/#`]],
    ];
  return kinds.map(([version, clean, qos, filters], index) => ({
    name: `stream-subscriber-${index}`,
    version: supportedVersion(context, version),
    clean,
    expirySeconds: clean ? 0 : null,
    subscriptions: filters.map((filter) => ({ filter, qos: cappedQos(qos, context) })),
    firstServer: context.servers + publishers - index,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: idlePlan,
  }));
}
