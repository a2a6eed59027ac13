import type { Random } from '../random.ts';
import { between, pick } from '../random.ts';
import { atMost, pauseMs, versionOf } from './step.ts';
import type { Actor, Stage, Step } from './step.ts';

const roamers = 5;
const stepsBetweenMoves = 15;
const awayMsMax = 1_500;

/** Persistent sessions that publish and subscribe while they go from server to server, with and without a word (P3). */
export function roaming(stage: Stage): Actor[] {
  const root = `${stage.prefix}roaming/`;
  return Array.from({ length: roamers }, (_, index): Actor => {
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
