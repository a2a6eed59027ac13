import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, publishIntervalMs, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

const writers = 3;
const topics = 6;
/**
 * Number of topics that are written only with QoS 2. Only a majority acknowledges a QoS 2 message, even
 * during faults.
 */
const exactTopics = 3;
const clearShare = 0.3;
/**
 * Number of topics whose writes are further apart than P5's bound, so that every new subscriber must receive
 * the retained messages of these topics.
 */
const keptTopics = 4;
const keptMs = 4_000;
const readers = 4;
/** A Message Expiry Interval that is longer than a run. */
const longExpirySeconds = 86_400;

/** @returns the topic prefix of all retained messages of a run */
export function retainedRoot(prefix: string): string {
  return `${prefix}retained/`;
}

/** Several publishers on different servers set and clear a few topics; new subscribers read them (P5). */
export function retained(context: WorkloadContext): ClientSpec[] {
  const root = retainedRoot(context.prefix);
  const all = Array.from({ length: writers }, (_, index): ClientSpec => ({
    name: `retained-writer-${index}`,
    version: supportedVersion(context, index === 1 ? 5 : 4),
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    firstServer: index * 2,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: (random) => writing(random, root, context),
  }));
  all.push({
    name: 'retained-watcher',
    version: supportedVersion(context, 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter: `${root}#`, qos: cappedQos(2, context) }],
    firstServer: 1,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: idlePlan,
  });
  all.push({
    name: 'retained-keeper',
    version: supportedVersion(context, 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    firstServer: 5,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: (random) => keeping(random, root, context),
  });
  for (let index = 0; index < readers; index++) all.push(reader(context, root, index));
  return all;
}

/**
 * A client that reads the retained messages of all servers, one after another. Two readers have clean
 * sessions. Two readers have persistent sessions and subscribe again on each server.
 */
function reader(context: WorkloadContext, root: string, index: number): ClientSpec {
  const filter = `${root}+`;
  const clean = index % 2 === 0;
  const firstServer = Math.floor((index * context.servers) / readers);
  return {
    name: `retained-looker-${index}`,
    version: 4,
    clean,
    expirySeconds: clean ? 0 : null,
    subscriptions: clean ? [{ filter, qos: 1 }] : [],
    firstServer,
    onLoss: { kind: 'roam' },
    expectedAtEnd: false,
    plan: (random) =>
      clean
        ? reading(random, firstServer, context.servers)
        : resubscribing(random, firstServer, filter, context),
  };
}

function* writing(random: Random, root: string, context: WorkloadContext): Generator<ClientStep, void, void> {
  for (;;) {
    const topic = between(random, 0, topics - 1);
    const qos = cappedQos(topic >= exactTopics && random() < 0.6 ? 1 : 2, context);
    yield { do: 'publish', topic: `${root}${topic}`, qos, retain: true, clear: random() < clearShare };
    yield { do: 'wait', ms: publishIntervalMs(random, context.rate / writers) };
  }
}

/** Sets all topics in each round, except that it clears the last topic in every second round. */
function* keeping(random: Random, root: string, context: WorkloadContext): Generator<ClientStep, void, void> {
  for (let round = 0; ; round++) {
    for (let topic = 0; topic < keptTopics; topic++) {
      const clear = topic === keptTopics - 1 && round % 2 === 1;
      const qos = cappedQos(2, context);
      // A long expiry must have no effect during the run.
      const expiring = clear || topic % 2 === 0 ? {} : { expirySeconds: longExpirySeconds };
      yield { do: 'publish', topic: `${root}kept-${topic}`, qos, retain: true, clear, ...expiring };
    }
    yield { do: 'wait', ms: keptMs + random() * keptMs };
  }
}

function* resubscribing(
  random: Random,
  firstServer: number,
  filter: string,
  { servers }: WorkloadContext,
): Generator<ClientStep, void, void> {
  for (let visit = 1; ; visit++) {
    yield { do: 'subscribe', filter, qos: 1 };
    yield { do: 'wait', ms: 1_500 + random() * 1_500 };
    yield { do: 'move', how: 'disconnect', awayMs: 100, server: (firstServer + visit) % servers };
    yield { do: 'wait', ms: 300 };
    yield { do: 'unsubscribe', filter };
    yield { do: 'wait', ms: 300 };
  }
}

function* reading(random: Random, firstServer: number, servers: number): Generator<ClientStep, void, void> {
  for (let visit = 1; ; visit++) {
    yield { do: 'wait', ms: 1_500 + random() * 1_500 };
    yield { do: 'move', how: 'disconnect', awayMs: 100, server: (firstServer + visit) % servers };
  }
}
