import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, LossReaction, WorkloadContext, ClientStep } from './client-spec.ts';

const mortals = 14;
/** Time without a connection that is longer than every will delay, and than the bound of P6 for a dead home, ms. */
const longAwayMs = 9_000;
/** Will delay of each MQTT 5 client, in seconds. */
const delaysSeconds = [0, 2, 0, 3, 2, 3, 1] as const;

/**
 * Clients with a will that end their connections in every way: with and without DISCONNECT, and by the loss
 * of their home (P6). They reconnect at once, within the will delay, or after it. Two persistent sessions
 * subscribe to all wills.
 */
export function wills(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}will/`;
  const watchers = [0, 1].map((index): ClientSpec => ({
    name: `will-watcher-${index}`,
    version: supportedVersion(context, index === 0 ? 4 : 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter: `${root}#`, qos: cappedQos(2, context) }],
    firstServer: index * 3,
    onLoss: { kind: 'roam' },
    expectedAtEnd: true,
    plan: idlePlan,
  }));
  return [...watchers, ...Array.from({ length: mortals }, (_, index) => mortal(context, root, index))];
}

function mortal(context: WorkloadContext, root: string, index: number): ClientSpec {
  const version = supportedVersion(context, index % 2 === 0 ? 4 : 5);
  const delaySeconds = version === 5 ? (delaysSeconds[index >> 1] ?? 0) : 0;
  const clean = index % 4 < 2 && delaySeconds === 0;
  // After the loss of its home, one half of the clients reconnects at once. The other half stays disconnected
  // for longer than the bound of P6.
  const onLoss: LossReaction =
    index % 4 > 1 ? { kind: 'pause', lowMs: longAwayMs, highMs: 1.5 * longAwayMs } : { kind: 'roam' };
  return {
    name: `mortal-${index}`,
    version,
    clean,
    expirySeconds: clean ? 0 : null,
    will: {
      topic: `${root}${index}`,
      qos: cappedQos((1 + (index % 2)) as 1 | 2, context),
      retain: false,
      delaySeconds,
    },
    subscriptions: [],
    firstServer: index,
    onLoss,
    expectedAtEnd: false,
    plan: (random) => disconnecting(random, context.servers, delaySeconds),
  };
}

function* disconnecting(
  random: Random,
  servers: number,
  delaySeconds: number,
): Generator<ClientStep, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 2_000 };
    const how = random() < 0.75 ? 'drop' : 'disconnect';
    const awayMs = pick(random, [0, 200, delaySeconds * 500, longAwayMs, longAwayMs]);
    yield { do: 'move', how, awayMs, server: between(random, 0, servers - 1) };
  }
}
