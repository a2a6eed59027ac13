import { between } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, pauseMs, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const publishers = 2;
const subscribers = 3;
const topics = 4;

/** Sessions that subscribe and unsubscribe while others publish: what was promised begins and ends at their acks. */
export function churn(stage: Stage): Actor[] {
  const root = `${stage.prefix}churn/`;
  const sending = Array.from({ length: publishers }, (_, index): Actor => ({
    name: `churn-publisher-${index}`,
    version: 4,
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    home: index * 3 + 1,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: (random) => publishing(random, root, stage),
  }));
  const receiving = Array.from({ length: subscribers }, (_, index): Actor => {
    const clean = index === 2;
    return {
      name: `churn-subscriber-${index}`,
      version: versionOf(stage, index === 0 ? 4 : 5),
      clean,
      expirySeconds: clean ? 0 : null,
      subscriptions: [],
      home: index * 2,
      onLoss: { kind: 'roam' },
      mustBeUpInTheEnd: true,
      plan: (random) => changing(random, root, stage),
    };
  });
  return [...sending, ...receiving];
}

function* publishing(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    const topic = `${root}${between(random, 0, topics - 1)}/x`;
    yield { do: 'publish', topic, qos: atMost(random() < 0.5 ? 1 : 2, stage) };
    yield { do: 'wait', ms: pauseMs(random, stage.rate / publishers) };
  }
}

function* changing(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    const filter = random() < 0.2 ? `${root}#` : `${root}${between(random, 0, topics - 1)}/+`;
    if (random() < 0.6) yield { do: 'subscribe', filter, qos: atMost(random() < 0.5 ? 1 : 2, stage) };
    else yield { do: 'unsubscribe', filter };
    yield { do: 'wait', ms: 100 + random() * 500 };
  }
}
