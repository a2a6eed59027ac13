import { between } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, pauseMs, staying, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const publishers = 2;
const groups = 2;

/** Groups that share a filter, with members that come and go; one of each group has a session that stays. */
export function shared(stage: Stage): Actor[] {
  const root = `${stage.prefix}shared/`;
  const actors = Array.from({ length: publishers }, (_, index): Actor => ({
    name: `shared-publisher-${index}`,
    version: 4,
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    home: index + 2,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: (random) => publishing(random, `${root}${index}`, stage),
  }));
  for (let group = 0; group < groups; group++) {
    const filter = `$share/group-${group}/${root}#`;
    for (let position = 0; position < 3; position++) {
      const clean = position === 2;
      actors.push({
        name: `shared-${group}-${position}`,
        version: versionOf(stage, position === 1 ? 4 : 5),
        clean,
        expirySeconds: clean ? 0 : null,
        subscriptions: [{ filter, qos: atMost(group === 0 ? 1 : 2, stage) }],
        home: group + 3 * position,
        onLoss: { kind: 'roam' },
        mustBeUpInTheEnd: true,
        plan: position === 0 ? staying : (random) => comingAndGoing(random, stage.servers),
      });
    }
  }
  return actors;
}

function* publishing(random: Random, topic: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    yield { do: 'publish', topic, qos: atMost(random() < 0.5 ? 1 : 2, stage) };
    yield { do: 'wait', ms: pauseMs(random, stage.rate / publishers) };
  }
}

function* comingAndGoing(random: Random, servers: number): Generator<Step, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_000 + random() * 3_000 };
    const how = random() < 0.5 ? 'drop' : 'disconnect';
    yield { do: 'move', how, awayMs: random() * 1_500, server: between(random, 0, servers - 1) };
  }
}
