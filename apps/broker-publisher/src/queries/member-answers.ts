import type { Broker } from '@mqtt-cluster/broker';
import type { z } from 'zod';
import { QueryFault } from './answered-queries.ts';
import type { EventLog } from './event-log.ts';
import type { PeerQueries } from './peer-queries.ts';
import { answerBytesTarget, eventsQuestion, idsQuestion } from './schemas.ts';
import type { DetailsAnswer, EventsAnswer } from './schemas.ts';
import { yieldEvery } from './yield-every.ts';

/** Time after which a long answer lets the clients of the member go first, ms. */
const yieldMs = 5;
/** Characters of a will's topic and of a user name in an answer. */
const textLengthMax = 4_096;

export interface AnswerSources {
  /** Null while the broker does not run. */
  readonly broker: () => Pick<Broker, 'connections' | 'disconnect'> | null;
  readonly events: EventLog;
}

/** Answers the questions of the other members, and of this member itself, from the state of this member. */
export function answerQuestions(queries: PeerQueries, { broker, events }: AnswerSources): void {
  const runningBroker = (): Pick<Broker, 'connections' | 'disconnect'> => {
    const running = broker();
    if (running === null) throw new QueryFault(503, 'the broker of the member does not run');
    return running;
  };

  queries.on('connections.get', (body): DetailsAnswer => {
    const { ids } = parsed(idsQuestion, body);
    const { connections } = runningBroker();
    const details: DetailsAnswer['details'][number][] = [];
    let bytes = 0;
    let done = 0;
    for (const id of ids) {
      if (bytes > answerBytesTarget) break;
      done++;
      const info = connections.get(id);
      if (info === null) continue;
      const { user, will } = info;
      const detail = {
        ...info,
        user: user?.slice(0, textLengthMax) ?? null,
        will: will && { ...will, topic: will.topic.slice(0, textLengthMax) },
      };
      details.push(detail);
      bytes += Buffer.byteLength(JSON.stringify(detail));
    }
    return { details, done: Math.max(1, done) };
  });

  queries.on('connections.disconnect', async (body) => {
    const { ids } = parsed(idsQuestion, body);
    const running = runningBroker();
    const pause = yieldEvery(yieldMs);
    const ended: string[] = [];
    for (const id of ids) {
      if (running.disconnect(id)) ended.push(id);
      await pause();
    }
    return { ended };
  });

  queries.on('events', (body): EventsAnswer => {
    const { limit, client, beforeMs } = parsed(eventsQuestion, body);
    const all = events.newest({
      ...(client !== undefined && { client }),
      ...(beforeMs !== undefined && { beforeMs }),
      // One event more shows whether the member has older ones.
      limit: limit + 1,
    });
    const chosen = [];
    let bytes = 0;
    for (const event of all) {
      bytes += Buffer.byteLength(JSON.stringify(event));
      if (chosen.length >= limit || bytes > answerBytesTarget) return { events: chosen, more: true };
      chosen.push(event);
    }
    return { events: chosen, more: false };
  });
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (!result.success) throw new QueryFault(400, 'the body of the question is not valid');
  return result.data;
}
