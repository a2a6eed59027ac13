import { between, pick } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, staying, versionOf } from './client-spec.ts';
import type { Actor, OnLoss, Stage, Step } from './client-spec.ts';

const mortals = 14;
/** Longer than any delay of a will and than a dead home's bound. */
const longAwayMs = 9_000;
/** Of those that speak MQTT 5, one after the other. */
const delaysSeconds = [0, 2, 0, 3, 2, 3, 1] as const;

/**
 * Clients that die in every way: by dropping, with DISCONNECT, back at once, back within the delay of the will, or with their
 * home (P6). Two persistent sessions watch all wills.
 */
export function wills(stage: Stage): Actor[] {
  const root = `${stage.prefix}will/`;
  const watchers = [0, 1].map((index): Actor => ({
    name: `will-watcher-${index}`,
    version: versionOf(stage, index === 0 ? 4 : 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter: `${root}#`, qos: atMost(2, stage) }],
    home: index * 3,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: staying,
  }));
  return [...watchers, ...Array.from({ length: mortals }, (_, index) => mortal(stage, root, index))];
}

function mortal(stage: Stage, root: string, index: number): Actor {
  const version = versionOf(stage, index % 2 === 0 ? 4 : 5);
  const delaySeconds = version === 5 ? (delaysSeconds[index >> 1] ?? 0) : 0;
  const clean = index % 4 < 2 && delaySeconds === 0;
  // Half of them lose their home and are back at once; the others are dead for long.
  const onLoss: OnLoss =
    index % 4 > 1 ? { kind: 'away', lowMs: longAwayMs, highMs: 1.5 * longAwayMs } : { kind: 'roam' };
  return {
    name: `mortal-${index}`,
    version,
    clean,
    expirySeconds: clean ? 0 : null,
    will: {
      topic: `${root}${index}`,
      qos: atMost((1 + (index % 2)) as 1 | 2, stage),
      retain: false,
      delaySeconds,
    },
    subscriptions: [],
    home: index,
    onLoss,
    mustBeUpInTheEnd: false,
    plan: (random) => dying(random, stage.servers, delaySeconds),
  };
}

function* dying(random: Random, servers: number, delaySeconds: number): Generator<Step, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 2_000 };
    const how = random() < 0.75 ? 'drop' : 'disconnect';
    const awayMs = pick(random, [0, 200, delaySeconds * 500, longAwayMs, longAwayMs]);
    yield { do: 'move', how, awayMs, server: between(random, 0, servers - 1) };
  }
}
