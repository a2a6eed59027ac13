import { between } from '../random.ts';
import type { Random } from '../random.ts';
import { atMost, pauseMs, staying, versionOf } from './step.ts';
import type { Actor, Stage, Step } from './step.ts';

const writers = 3;
const topics = 6;
/** The first topics are written with QoS 2 only: such an ack is a majority's, also while there are faults. */
const exactTopics = 3;
const clearShare = 0.3;
const lookers = 3;

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
  for (let index = 0; index < lookers; index++) {
    all.push({
      name: `retained-looker-${index}`,
      version: 4,
      clean: true,
      expirySeconds: 0,
      subscriptions: [{ filter: `${root}+`, qos: 1 }],
      home: 3 + index,
      onLoss: { kind: 'roam' },
      mustBeUpInTheEnd: false,
      plan: (random) => looking(random, stage.servers),
    });
  }
  return all;
}

function* writing(random: Random, root: string, stage: Stage): Generator<Step, void, void> {
  for (;;) {
    const topic = between(random, 0, topics - 1);
    const qos = atMost(topic >= exactTopics && random() < 0.6 ? 1 : 2, stage);
    yield { do: 'publish', topic: `${root}${topic}`, qos, retain: true, clear: random() < clearShare };
    yield { do: 'wait', ms: pauseMs(random, stage.rate / writers) };
  }
}

function* looking(random: Random, servers: number): Generator<Step, void, void> {
  for (;;) {
    yield { do: 'wait', ms: 1_500 + random() * 1_500 };
    yield { do: 'move', how: 'disconnect', awayMs: 100, server: between(random, 0, servers - 1) };
  }
}
