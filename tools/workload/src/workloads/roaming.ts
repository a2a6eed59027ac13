import type { Random } from '../random.ts';
import { between, pick } from '../random.ts';
import { atMost, pauseMs, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const roamers = 5;
const stepsBetweenMoves = 15;
const awayMsMax = 1_500;
/** Sessions that expire between two visits, or not. */
const transients = 2;
const expirySeconds = 2;
const awayMsOfTransients = [300, 500, 8_000, 9_000] as const;

/** Persistent sessions that publish and subscribe while they go from server to server, with and without a word (P3). */
export function roaming(stage: Stage): Actor[] {
  const root = `${stage.prefix}roaming/`;
  const expiring = Array.from({ length: transients }, (_, index): Actor => ({
    name: `transient-${index}`,
    version: versionOf(stage, 5),
    clean: false,
    expirySeconds: stage.versions.includes(5) ? expirySeconds : null,
    subscriptions: [{ filter: `${root}#`, qos: 1 }],
    home: roamers + index,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: (random) => visiting(random, stage.servers),
  }));
  const staying = Array.from({ length: roamers }, (_, index): Actor => {
    const name = `roamer-${index}`;
    return {
      name,
      version: versionOf(stage, index % 2 === 0 ? 5 : 4),
      clean: false,
      expirySeconds: null,
      subscriptions: [{ filter: `${root}#`, qos: atMost(index % 3 === 2 ? 1 : 2, stage) }],
      home: index,
      onLoss: { kind: 'roam' },
      mustBeUpInTheEnd: true,
      plan: (random) => wandering(random, `${root}${name}/`, stage),
    };
  });
  return [...staying, ...expiring];
}

function* visiting(random: Random, servers: number): Generator<Step, void, void> {
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

function* wandering(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    for (let left = between(random, 1, stepsBetweenMoves); left > 0; left--) {
      const qos = atMost(random() < 0.5 ? 1 : 2, stage);
      // Several at once, so that a move finds some of them unanswered.
      for (let burst = between(random, 1, 3); burst > 0; burst--) {
        yield { do: 'publish', topic: `${root}${qos}`, qos };
      }
      yield { do: 'wait', ms: 2 * pauseMs(random, stage.rate / roamers) };
    }
    yield {
      do: 'move',
      how: pick(random, ['drop', 'disconnect', 'vanish'] as const),
      awayMs: random() < 0.4 ? 0 : random() * awayMsMax,
      server: between(random, 0, stage.servers - 1),
    };
  }
}
