import { between } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, pauseMs, staying, versionOf } from './client-spec.ts';
import type { Actor, Stage, Step } from './client-spec.ts';

const writers = 3;
const topics = 6;
/** The first topics are written with QoS 2 only: such an ack is a majority's, also while there are faults. */
const exactTopics = 3;
const clearShare = 0.3;
/** Topics that are left alone for longer than P5's bound, so that everybody must be shown what they hold. */
const keptTopics = 4;
const keptMs = 4_000;
const lookers = 4;

/** Below it are all retained messages of a run. */
export function retainedRoot(prefix: string): string {
  return `${prefix}retained/`;
}

/** Several publishers at different servers set and clear few topics; new subscribers look (P5). */
export function retained(stage: Stage): Actor[] {
  const root = retainedRoot(stage.prefix);
  const all = Array.from({ length: writers }, (_, index): Actor => ({
    name: `retained-writer-${index}`,
    version: versionOf(stage, index === 1 ? 5 : 4),
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    home: index * 2,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: (random) => writing(random, root, stage),
  }));
  all.push({
    name: 'retained-watcher',
    version: versionOf(stage, 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [{ filter: `${root}#`, qos: atMost(2, stage) }],
    home: 1,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: staying,
  });
  all.push({
    name: 'retained-keeper',
    version: versionOf(stage, 5),
    clean: false,
    expirySeconds: null,
    subscriptions: [],
    home: 5,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: true,
    plan: (random) => keeping(random, root, stage),
  });
  for (let index = 0; index < lookers; index++) all.push(looker(stage, root, index));
  return all;
}

/** Half of them have sessions that stay, and ask anew at each server; those two go round in opposite halves. */
function looker(stage: Stage, root: string, index: number): Actor {
  const filter = `${root}+`;
  const clean = index % 2 === 0;
  const home = Math.floor((index * stage.servers) / lookers);
  return {
    name: `retained-looker-${index}`,
    version: 4,
    clean,
    expirySeconds: clean ? 0 : null,
    subscriptions: clean ? [{ filter, qos: 1 }] : [],
    home,
    onLoss: { kind: 'roam' },
    mustBeUpInTheEnd: false,
    plan: (random) =>
      clean ? looking(random, home, stage.servers) : askingAnew(random, home, filter, stage),
  };
}

function* writing(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    const topic = between(random, 0, topics - 1);
    const qos = atMost(topic >= exactTopics && random() < 0.6 ? 1 : 2, stage);
    yield { do: 'publish', topic: `${root}${topic}`, qos, retain: true, clear: random() < clearShare };
    yield { do: 'wait', ms: pauseMs(random, stage.rate / writers) };
  }
}

/** The last of them is cleared every other time. */
function* keeping(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (let round = 0; ; round++) {
    for (let topic = 0; topic < keptTopics; topic++) {
      const clear = topic === keptTopics - 1 && round % 2 === 1;
      yield { do: 'publish', topic: `${root}kept-${topic}`, qos: atMost(2, stage), retain: true, clear };
    }
    yield { do: 'wait', ms: keptMs + random() * keptMs };
  }
}

function* askingAnew(
  random: Random,
  home: number,
  filter: string,
  { servers }: Stage,
): Generator<Step, void, void> {
  for (let visit = 1; ; visit++) {
    yield { do: 'subscribe', filter, qos: 1 };
    yield { do: 'wait', ms: 1_500 + random() * 1_500 };
    yield { do: 'move', how: 'disconnect', awayMs: 100, server: (home + visit) % servers };
    yield { do: 'wait', ms: 300 };
    yield { do: 'unsubscribe', filter };
    yield { do: 'wait', ms: 300 };
  }
}

function* looking(random: Random, home: number, servers: number): Generator<Step, void, void> {
  for (let visit = 1; ; visit++) {
    yield { do: 'wait', ms: 1_500 + random() * 1_500 };
    yield { do: 'move', how: 'disconnect', awayMs: 100, server: (home + visit) % servers };
  }
}
