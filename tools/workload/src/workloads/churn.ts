import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, publishIntervalMs, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

const publishers = 2;
const subscribers = 3;
const topics = 4;

/**
 * Sessions that subscribe and unsubscribe while other clients publish. A session must receive only the
 * messages that are sent between its SUBACK and its UNSUBSCRIBE.
 */
export function churn(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}churn/`;
  const sending = Array.from({ length: publishers }, (_, index): ClientSpec => ({
    name: `churn-publisher-${index}`,
    version: 4,
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    firstServer: index * 3 + 1,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: (random) => publishing(random, root, context),
  }));
  const receiving = Array.from({ length: subscribers }, (_, index): ClientSpec => {
    const clean = index === 2;
    return {
      name: `churn-subscriber-${index}`,
      version: supportedVersion(context, index === 0 ? 4 : 5),
      clean,
      expirySeconds: clean ? 0 : null,
      subscriptions: [],
      firstServer: index * 2,
      onLoss: { kind: 'roam' },
      expectedAtEnd: true,
      plan: (random) => changing(random, root, context),
    };
  });
  return [...sending, ...receiving];
}

function* publishing(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    const topic = `${root}${between(random, 0, topics - 1)}/x`;
    yield { do: 'publish', topic, qos: cappedQos(random() < 0.5 ? 1 : 2, context) };
    yield { do: 'wait', ms: publishIntervalMs(random, context.rate / publishers) };
  }
}

function* changing(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    const filter = random() < 0.2 ? `${root}#` : `${root}${between(random, 0, topics - 1)}/+`;
    if (random() < 0.6) yield { do: 'subscribe', filter, qos: cappedQos(random() < 0.5 ? 1 : 2, context) };
    else yield { do: 'unsubscribe', filter };
    yield { do: 'wait', ms: 100 + random() * 500 };
  }
}
