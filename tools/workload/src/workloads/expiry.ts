import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { QoS } from '@mqtt-cluster/history-checker';
import { cappedQos, idlePlan, publishIntervalMs, supportedVersion } from './client-spec.ts';
import type { ClientSpec, ClientStep, WorkloadContext } from './client-spec.ts';

const publishers = 2;
const topics = 3;
const retainedTopics = 4;
const retainedShare = 0.2;
/** Message Expiry Intervals in seconds; null: none. The longest one is longer than a run. */
const messageExpiries = [1, 2, 5, null, 86_400] as const;
/** Message Expiry Intervals of the retained messages in seconds. */
const retainedExpiries = [1, 2, 5] as const;
/** Session Expiry Interval of each sleeper in seconds; null: the session does not expire. */
const sessionExpiries = [null, 2, null] as const;
/** Receive Maximum of each sleeper. */
const receiveMaxima = [2, 3, 5] as const;
/** Delay of a sleeper's acknowledgements, ms. A window of 2 still passes 50 messages a second. */
const ackDelayMs = 20;
const awayMsOfSleepers = [300, 1_500, 4_000, 7_000] as const;
/** Time that a reader of retained messages waits before it connects to the next server, ms. */
const readingMs = 1_500;

/**
 * Messages, retained messages and sessions that expire. The subscribers of MQTT 5 acknowledge late, have a small
 * Receive Maximum, and are away for shorter and longer times than their messages and sessions last. Subscribers
 * of MQTT 3.1.1 receive the same messages.
 */
export function expiry(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}expiry/`;
  const specs = Array.from({ length: publishers }, (_, index): ClientSpec => ({
    ...persistent(context, `expiry-publisher-${index}`, 5, index * 3),
    plan: (random) => publishing(random, `${root}${index}/`, context),
  }));
  for (const [index, receiveMaximum] of receiveMaxima.entries()) {
    const filters = index === 0 ? [`${root}#`] : [`${root}+/t0`, `${root}+/t${index}`];
    specs.push({
      ...persistent(context, `expiry-sleeper-${index}`, 5, index + 1),
      expirySeconds: context.versions.includes(5) ? (sessionExpiries[index] ?? null) : null,
      receiveMaximum,
      ackDelayMs,
      subscriptions: filters.map((filter) => ({ filter, qos: cappedQos(index === 1 ? 1 : 2, context) })),
      plan: (random) => sleeping(random, context.servers),
    });
  }
  specs.push({
    ...persistent(context, 'expiry-older', 4, 5),
    subscriptions: [{ filter: `${root}+/+`, qos: cappedQos(2, context) }],
    plan: idlePlan,
  });
  specs.push({
    ...persistent(context, 'expiry-reader', 5, 2),
    clean: true,
    expirySeconds: 0,
    subscriptions: [{ filter: `${root}+/kept/#`, qos: 1 }],
    expectedAtEnd: false,
    plan: () => reading(context.servers),
  });
  return specs;
}

function persistent(
  context: WorkloadContext,
  name: string,
  version: 4 | 5,
  firstServer: number,
): Omit<ClientSpec, 'plan'> {
  return {
    name,
    version: supportedVersion(context, version),
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    firstServer,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
  };
}

function* publishing(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (;;) {
    if (random() < retainedShare) {
      const expirySeconds = pick(random, retainedExpiries);
      const topic = `${root}kept/${between(random, 0, retainedTopics - 1)}`;
      yield {
        do: 'publish',
        topic,
        qos: cappedQos(random() < 0.5 ? 1 : 2, context),
        retain: true,
        expirySeconds,
      };
    } else {
      const seconds = pick(random, messageExpiries);
      const expiring = seconds === null ? {} : { expirySeconds: seconds };
      const topic = `${root}t${between(random, 0, topics - 1)}`;
      const qos = cappedQos(between(random, 0, 2) as QoS, context);
      yield { do: 'publish', topic, qos, ...expiring };
    }
    yield { do: 'wait', ms: publishIntervalMs(random, context.rate / publishers) };
  }
}

function* sleeping(random: Random, servers: number): Generator<ClientStep, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 3_000 };
    const how = pick(random, ['drop', 'disconnect', 'vanish'] as const);
    yield {
      do: 'move',
      how,
      awayMs: pick(random, awayMsOfSleepers),
      server: between(random, 0, servers - 1),
    };
  }
}

function* reading(servers: number): Generator<ClientStep, void, void> {
  for (let visit = 1; ; visit++) {
    yield { do: 'wait', ms: readingMs };
    yield { do: 'move', how: 'disconnect', awayMs: 50, server: visit % servers };
  }
}
