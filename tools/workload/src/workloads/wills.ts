import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { cappedQos, idlePlan, supportedVersion } from './client-spec.ts';
import type { ClientSpec, OnLoss, WorkloadContext, Step } from './client-spec.ts';

const mortals = 14;
/** Longer than every will delay, and than the bound for a will after the death of a home (P6). */
const longAwayMs = 9_000;
/** Will delays of the MQTT 5 clients, in their order. */
const delaysSeconds = [0, 2, 0, 3, 2, 3, 1] as const;

/**
 * Clients with a will that disconnect in every way: with and without DISCONNECT, returning at once, returning within the will
 * delay, or losing their home (P6). Two persistent sessions subscribe to all wills.
 */
export function wills(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}will/`;
  const watchers = [0, 1].map((index): ClientSpec => ({
    name: `will-watcher-${index}`,
    version: supportedVersion(context, index === 0 ? 4 : 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter: `${root}#`, qos: cappedQos(2, context) }],
    home: index * 3,
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
  // After the loss of its home one half reconnects at once, the other half stays away longer than the will's bound.
  const onLoss: OnLoss =
    index % 4 > 1 ? { kind: 'away', lowMs: longAwayMs, highMs: 1.5 * longAwayMs } : { kind: 'roam' };
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
    home: index,
    onLoss,
    expectedAtEnd: false,
    plan: (random) => disconnecting(random, context.servers, delaySeconds),
  };
}

function* disconnecting(random: Random, servers: number, delaySeconds: number): Generator<Step, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 2_000 };
    const how = random() < 0.75 ? 'drop' : 'disconnect';
    const awayMs = pick(random, [0, 200, delaySeconds * 500, longAwayMs, longAwayMs]);
    yield { do: 'move', how, awayMs, server: between(random, 0, servers - 1) };
  }
}
