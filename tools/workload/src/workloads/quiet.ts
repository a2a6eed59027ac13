import { between } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, ClientStep, WorkloadContext } from './client-spec.ts';

/**
 * Times of the faults for which this workload is made, ms since the start of the plans. Between the faults no
 * client sends a packet that the log stores.
 */
export const quietTimes = {
  leaderKillsMs: [7_000, 13_000, 19_000],
  stopMs: 25_000,
  stoppedMs: 25_000,
} as const;

/** Time of the last packets before all members stop, ms: after the last kill, and before the stop. */
const lastPacketsMs = 21_500;
/** Longest difference between the times of two clients that do the same, ms. */
const spreadMs = 800;
/** Number of retained messages before the stop. Those that a client without a connection publishes are not sent. */
const shortMessages = 3;
/** Time without a connection that is longer than every run. The client returns at the end of the run, ms. */
const untilEndMs = 24 * 3_600_000;
/** A Session Expiry Interval that is longer than every run, in seconds. */
const longSeconds = 3_600;
/**
 * Wills of clients that close their connection without DISCONNECT, in seconds. The first will is due after the
 * first kill of a leader, the second one at the end of its session, after the second kill. The others are due
 * while all members are stopped.
 */
const mortals = [
  { delaySeconds: 11, sessionSeconds: longSeconds, dropMs: 0 },
  { delaySeconds: 60, sessionSeconds: 17, dropMs: 0 },
  { delaySeconds: 16, sessionSeconds: longSeconds, dropMs: lastPacketsMs },
  { delaySeconds: 16, sessionSeconds: longSeconds, dropMs: lastPacketsMs },
] as const;
/**
 * Session Expiry Intervals of clients that leave before all members stop, in seconds. The short ones end before
 * the members start again.
 */
const sleepersSeconds = [22, 22, longSeconds] as const;
/** Message Expiry Interval of the retained message that expires during the stop, and of the other one, seconds. */
const shortMessageSeconds = 22;
const longMessageSeconds = 600;

/**
 * A quiet cluster in which time must pass: wills with a delay, sessions and retained messages that expire while
 * leaders change and while all members are stopped. A reader receives the retained messages at the end. One
 * client at each server subscribes to the wills.
 */
export function quiet(context: WorkloadContext): ClientSpec[] {
  const { prefix, servers } = context;
  const root = `${prefix}quiet/`;
  const qos = cappedQos(1, context);
  const watchers = Array.from({ length: servers }, (_, index): ClientSpec => ({
    ...persistent(context, `quiet-watcher-${index}`, index, null),
    subscriptions: [{ filter: `${root}will/#`, qos }],
    plan: idlePlan,
  }));
  const dying = mortals.map(({ delaySeconds, sessionSeconds, dropMs }, index): ClientSpec => ({
    ...persistent(context, `quiet-mortal-${index}`, index * 2, sessionSeconds),
    will: { topic: `${root}will/${index}`, qos, retain: false, delaySeconds },
    expectedAtEnd: false,
    plan: (random) => leaving(random, dropMs, 'drop', servers),
  }));
  const sleepers = sleepersSeconds.map((seconds, index): ClientSpec => ({
    ...persistent(context, `quiet-sleeper-${index}`, index * 2 + 1, seconds),
    plan: (random) => leaving(random, lastPacketsMs, 'disconnect', servers),
  }));
  const publisher: ClientSpec = {
    ...persistent(context, 'quiet-publisher', 1, null),
    plan: (random) => publishing(random, `${root}kept/`, context),
  };
  const reader: ClientSpec = {
    ...persistent(context, 'quiet-reader', 0, 0),
    clean: true,
    subscriptions: [{ filter: `${root}kept/#`, qos }],
    plan: (random) => leaving(random, 0, 'disconnect', servers),
  };
  return [...watchers, ...dying, ...sleepers, publisher, reader];
}

function persistent(
  context: WorkloadContext,
  name: string,
  firstServer: number,
  expirySeconds: number | null,
): Omit<ClientSpec, 'plan'> {
  const version = supportedVersion(context, 5);
  return {
    name,
    version,
    clean: false,
    expirySeconds: version === 5 ? expirySeconds : null,
    subscriptions: [],
    firstServer,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
  };
}

/** Ends the connection once. A client that is expected at the end returns when the plans stop. */
function* leaving(
  random: Random,
  atMs: number,
  how: 'drop' | 'disconnect',
  servers: number,
): Generator<ClientStep, void, void> {
  yield { do: 'wait', ms: atMs + random() * spreadMs };
  yield { do: 'move', how, awayMs: untilEndMs, server: between(random, 0, servers - 1) };
  yield* idlePlan();
}

/** Publishes retained messages at the start, and again before all members stop. */
function* publishing(
  random: Random,
  root: string,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  const retained = { do: 'publish', qos: cappedQos(1, context), retain: true } as const;
  yield { ...retained, topic: `${root}long`, expirySeconds: longMessageSeconds };
  yield { do: 'wait', ms: lastPacketsMs };
  for (let index = 0; index < shortMessages; index++) {
    yield { ...retained, topic: `${root}short-${index}`, expirySeconds: shortMessageSeconds };
    yield { do: 'wait', ms: spreadMs * (0.5 + random()) };
  }
  yield* idlePlan();
}
