import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, publishIntervalMs, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

const publishers = 2;
const groups = 2;

/** Shared subscriptions with three subscribers each: one subscriber stays connected, two disconnect and reconnect. */
export function shared(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}shared/`;
  const specs = Array.from({ length: publishers }, (_, index): ClientSpec => ({
    name: `shared-publisher-${index}`,
    version: 4,
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    firstServer: index + 2,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: (random) => publishing(random, `${root}${index}`, context),
  }));
  for (let group = 0; group < groups; group++) {
    const filter = `$share/group-${group}/${root}#`;
    for (let position = 0; position < 3; position++) {
      const clean = position === 2;
      specs.push({
        name: `shared-${group}-${position}`,
        version: supportedVersion(context, position === 1 ? 4 : 5),
        clean,
        expirySeconds: clean ? 0 : null,
        subscriptions: [{ filter, qos: cappedQos(group === 0 ? 1 : 2, context) }],
        firstServer: group + 3 * position,
        onLoss: { kind: 'roam' },
        expectedAtEnd: true,
        plan: position === 0 ? idlePlan : (random) => reconnecting(random, context.servers),
      });
    }
  }
  return specs;
}

function* publishing(
  random: Random,
  topic: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    yield { do: 'publish', topic, qos: cappedQos(random() < 0.5 ? 1 : 2, context) };
    yield { do: 'wait', ms: publishIntervalMs(random, context.rate / publishers) };
  }
}

function* reconnecting(random: Random, servers: number): Generator<ClientStep, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 3_000 };
    const how = random() < 0.5 ? 'drop' : 'disconnect';
    yield { do: 'move', how, awayMs: random() * 1_500, server: between(random, 0, servers - 1) };
  }
}
