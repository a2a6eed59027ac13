import { between, randomOf } from '../random.ts';
import type { Random } from '../random.ts';
import { pauseMs, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const contested = 3;
const contenders = 3;
/** Longer than any bound of a takeover: whoever was not closed then is seen to linger. */
const longRestMs = 6_000;
const longRestShare = 0.25;

/**
 * Two or three processes race for one client id on different servers (P4). They have nothing in common but the id, so QoS 1
 * at most: a QoS 2 exchange begun by one could not be ended by another.
 */
export function takeover(stage: Stage): Actor[] {
  const root = `${stage.prefix}takeover/`;
  const actors: Actor[] = [];
  for (let id = 0; id < contested; id++) {
    const seed = between(stage.random, 0, 0x7fffffff);
    const clean = id % 2 === 1;
    for (let position = 0; position < (id === 0 ? contenders : 2); position++) {
      actors.push({
        name: `contender-${id}-${position}`,
        clientId: `contested-${id}`,
        version: versionOf(stage, id === 1 ? 5 : 4),
        clean,
        expirySeconds: clean ? 0 : null,
        subscriptions: [{ filter: `${root}${id}/#`, qos: 1 }],
        home: id + position,
        onLoss: { kind: 'stay away' },
        mustBeUpInTheEnd: false,
        // The same times for all contenders of an id: they connect at the same moment, elsewhere.
        plan: (random) => racing(randomOf(seed, 'race'), random, `${root}${id}/`, position, stage),
      });
    }
  }
  return actors;
}

function* racing(
  common: Random,
  random: Random,
  root: string,
  position: number,
  stage: Stage,
): Generator<Step, void, void> {
  const perSecond = stage.rate / (2 * contested);
  for (;;) {
    const restMs = (common() < longRestShare ? longRestMs : 300) + common() * 1_700;
    const base = Math.floor(common() * stage.servers);
    const together = common() < 0.5;
    // Either all at once, or one after the other within the time that a takeover takes.
    const lateMs = together ? 0 : random() * 400;
    for (let spentMs = 0; spentMs < restMs;) {
      const ms = Math.min(pauseMs(random, perSecond), restMs - spentMs);
      yield { do: 'publish', topic: `${root}${position}`, qos: random() < 0.3 ? 0 : 1 };
      yield { do: 'wait', ms };
      spentMs += Math.max(ms, 1);
    }
    if (lateMs > 0) yield { do: 'wait', ms: lateMs };
    yield { do: 'move', how: 'drop', awayMs: 0, server: (base + position) % stage.servers };
  }
}
