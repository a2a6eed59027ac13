import type { Random } from '@mqtt-cluster/kit';
import { between, pick } from '@mqtt-cluster/kit';
import { cappedQos, publishIntervalMs, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

const roamers = 5;
const stepsBetweenMoves = 15;
const awayMsMax = 1_500;
/** Number of clients that sometimes stay disconnected for longer than their session expiry. */
const transients = 2;
const expirySeconds = 2;
const awayMsOfTransients = [300, 500, 8_000, 9_000] as const;

/** Clients with persistent sessions that publish and subscribe while they move between servers (P3). */
export function roaming(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}roaming/`;
  const expiring = Array.from({ length: transients }, (_, index): ClientSpec => ({
    name: `transient-${index}`,
    version: supportedVersion(context, 5),
    clean: false,
    expirySeconds: context.versions.includes(5) ? expirySeconds : null,
    subscriptions: [{ filter: `${root}#`, qos: 1 }],
    firstServer: roamers + index,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: (random) => visiting(random, context.servers),
  }));
  const staying = Array.from({ length: roamers }, (_, index): ClientSpec => {
    const name = `roamer-${index}`;
    return {
      name,
      version: supportedVersion(context, index % 2 === 0 ? 5 : 4),
      clean: false,
      expirySeconds: null,
      subscriptions: [{ filter: `${root}#`, qos: cappedQos(index % 3 === 2 ? 1 : 2, context) }],
      firstServer: index,
      onLoss: { kind: 'roam' },
      expectedAtEnd: true,
      plan: (random) => wandering(random, `${root}${name}/`, context),
    };
  });
  return [...staying, ...expiring];
}

function* visiting(random: Random, servers: number): Generator<ClientStep, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 500 + random() * 500 };
    const how = random() < 0.5 ? 'drop' : 'disconnect';
    yield {
      do: 'move',
      how,
      awayMs: pick(random, awayMsOfTransients),
      server: between(random, 0, servers - 1),
    };
  }
}

function* wandering(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    for (let left = between(random, 1, stepsBetweenMoves); left > 0; left--) {
      const qos = cappedQos(random() < 0.5 ? 1 : 2, context);
      // The client publishes several messages at once, so that some are unacknowledged when it moves.
      for (let burst = between(random, 1, 3); burst > 0; burst--) {
        yield { do: 'publish', topic: `${root}${qos}`, qos };
      }
      yield { do: 'wait', ms: 2 * publishIntervalMs(random, context.rate / roamers) };
    }
    yield {
      do: 'move',
      how: pick(random, ['drop', 'disconnect', 'vanish'] as const),
      awayMs: random() < 0.4 ? 0 : random() * awayMsMax,
      server: between(random, 0, context.servers - 1),
    };
  }
}
