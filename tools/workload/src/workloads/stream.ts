import type { QoS } from '@mqtt-cluster/history-checker';
import { between } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, pauseMs, staying, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const publishers = 5;
const topicsOfPublisher = 3;
/** So that whoever dies has many under way. */
const burstMax = 12;

/** Publishers of all QoS levels with topics of their own, and subscribers of all kinds that stay. */
export function stream(stage: Stage): Actor[] {
  const root = `${stage.prefix}stream/`;
  const actors: Actor[] = [];
  for (let index = 0; index < publishers; index++) {
    actors.push({
      name: `stream-publisher-${index}`,
      version: versionOf(stage, index % 2 === 0 ? 4 : 5),
      // A clean one among them: exactly once is then the connection's matter only.
      clean: index === publishers - 1,
      expirySeconds: index === publishers - 1 ? 0 : null,
      subscriptions: [],
      home: index,
      onLoss: { kind: 'roam' },
      mustBeUpInTheEnd: index !== publishers - 1,
      plan: (random) => publishing(random, `${root}${index}/`, stage),
    });
  }
  return [...actors, ...subscribers(stage, root)];
}

function* publishing(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    const burst = random() < 0.5 ? 1 : between(random, 2, burstMax);
    for (let sent = 0; sent < burst; sent++) {
      const topic = `${root}t${Math.floor(random() * topicsOfPublisher)}`;
      yield { do: 'publish', topic, qos: atMost(Math.floor(random() * 3) as QoS, stage) };
    }
    yield { do: 'wait', ms: burst * pauseMs(random, stage.rate / publishers) };
  }
}

function subscribers(stage: Stage, root: string): Actor[] {
  const kinds: readonly (readonly [version: 4 | 5, clean: boolean, qos: QoS, filters: readonly string[]])[] =
    [
      [5, false, 2, [`${root}#`]],
      [4, false, 2, [`${root}+/t0`, `${root}0/#`]],
      [4, false, 1, [`${root}+/+`]],
      [5, true, 2, [`${root}#`]],
      [4, true, 0, [`${root}1/#`]],
    ];
  return kinds.map(([version, clean, qos, filters], index) => ({
    name: `stream-subscriber-${index}`,
    version: versionOf(stage, version),
    clean,
    expirySeconds: clean ? 0 : null,
    subscriptions: filters.map((filter) => ({ filter, qos: atMost(qos, stage) })),
    home: stage.servers + publishers - index,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: staying,
  }));
}
