import fc from 'fast-check';
import type { HistoryEvent, QoS } from '../src/history/events.ts';
import { ModelBroker } from './model-broker.ts';
import type { Actor } from './model-broker.ts';

const persistent = { clean: false, version: 4, expirySeconds: null } as const;

/**
 * The clients of the random histories. The first two clients only connect and disconnect, so that a mutation
 * of their deliveries and sessions violates no other rule.
 */
const actors: readonly Actor[] = [
  { name: 'watcher', ...persistent },
  { name: 'idler', ...persistent },
  { name: 'roamer', ...persistent },
  { name: 'expiring', clean: false, version: 5, expirySeconds: 5 },
  { name: 'clean', clean: true, version: 4, expirySeconds: 0 },
  { name: 'clean-5', clean: true, version: 5, expirySeconds: 0 },
];
const quietActors = 2;
const mortal: Actor = { name: 'mortal', clean: true, version: 4, expirySeconds: 0 };
const reader: Actor = { name: 'reader', clean: true, version: 5, expirySeconds: 0, receiveMaximum: 1 };
const sharing: readonly Actor[] = ['sharer-1', 'sharer-2'].map((name) => ({ name, ...persistent }));
const twin: Actor = { name: 'twin', ...persistent };

const filters = ['t/#', 't/+', 't/1', '+/2', 'wills/#', 'none'];
const topics = ['t/1', 't/2', 't'];

type Step = (broker: ModelBroker) => void;

const anyActor = fc.nat({ max: actors.length - 1 });
const busyActor = fc.integer({ min: quietActors, max: actors.length - 1 });
const qos = fc.constantFrom<QoS>(0, 1, 2);

const steps: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 3,
    arbitrary: fc.tuple(anyActor, fc.constantFrom(null, 0, 3)).map(
      ([who, delay]) =>
        (broker) =>
          reconnect(broker, who, delay),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(busyActor, fc.constantFrom(null, 0, 3)).map(
      ([who, delay]) =>
        (broker) =>
          broker.connect(who, delay),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyActor, fc.boolean()).map(
      ([who, graceful]) =>
        (broker) =>
          broker.close(who, graceful),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(busyActor, fc.constantFrom(...filters), qos).map(
      ([who, filter, granted]) =>
        (broker) =>
          broker.subscribe(who, filter, granted),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(busyActor, fc.constantFrom(...filters)).map(
      ([who, filter]) =>
        (broker) =>
          broker.unsubscribe(who, filter),
    ),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        busyActor,
        fc.constantFrom(...topics),
        qos,
        fc.constantFrom('plain', 'plain', 'plain', 'retain', 'clear'),
        fc.nat({ max: 5 }).map((chance) => chance > 0),
      )
      .map(
        ([who, topic, level, how, acked]) =>
          (broker) =>
            broker.publish(who, topic, level, how, acked),
      ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2_000 }).map((ms) => (broker) => broker.pass(ms)) },
];

/**
 * Connects a client. The quiet clients disconnect first, because they must not take over their own
 * connections.
 */
function reconnect(broker: ModelBroker, who: number, delay: number | null): void {
  if (who < quietActors) broker.close(who, true);
  broker.connect(who, who < quietActors ? null : delay);
}

/** A server that is killed once, and to which no client connects. */
export const unusedServer = 'D';

/** A random history, and the model broker that produced it. */
export interface GeneratedHistory {
  readonly broker: ModelBroker;
  readonly events: readonly HistoryEvent[];
}

/**
 * Random histories. Fixed steps at the beginning and at the end guarantee that every mutation finds an event
 * to change; between them are 20 to 300 random steps.
 */
export const histories: fc.Arbitrary<GeneratedHistory> = fc
  .array(fc.oneof(...steps), { minLength: 20, maxLength: 300, size: 'max' })
  .map((plan) => {
    const broker = new ModelBroker([...actors, mortal, reader, twin, ...sharing]);
    const [mortalIndex, readerIndex, twinIndex] = [actors.length, actors.length + 1, actors.length + 2];
    actors.forEach((_, who) => broker.connect(who));
    broker.subscribe(0, '#', 2);
    for (const step of plan) step(broker);
    reconnect(broker, 0, null);
    reconnect(broker, 1, null);
    broker.connect(2);
    for (let round = 0; round < 3; round++) {
      broker.publish(2, 't/1', 1, 'plain', true);
      broker.publish(2, 't/1', 2, 'plain', true);
      broker.publish(2, 'kept', 1, 'retain', true);
    }
    sharing.forEach((_, place) => broker.connect(twinIndex + 1 + place));
    broker.subscribe(twinIndex + 1, '$share/group/shared', 1);
    broker.publish(2, 'shared', 1, 'plain', true);
    broker.connect(mortalIndex, 0);
    broker.close(mortalIndex, false);
    broker.connect(twinIndex, 0);
    broker.connect(twinIndex);
    const quietMs = 20_000;
    const stepMs = 500;
    for (let passedMs = 0; passedMs < quietMs; passedMs += stepMs) {
      broker.pass(stepMs);
      // The rule `cluster-time` judges times with a fault. No client of the histories uses this server.
      if (passedMs === quietMs / 4) broker.history.fault('kill', [unusedServer])();
    }
    broker.connect(readerIndex);
    broker.subscribe(readerIndex, 'kept', 1);
    return { broker, events: broker.end() };
  });
