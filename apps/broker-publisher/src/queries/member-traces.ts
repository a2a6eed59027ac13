import { randomUUID } from 'node:crypto';
import { topicFilterFault } from '@mqtt-cluster/broker';
import type { Broker, PacketTrace, TraceTarget } from '@mqtt-cluster/broker';
import type { MemberId } from '@mqtt-cluster/contracts';
import { QueryFault } from './answered-queries.ts';
import type { PeerQueries } from './peer-queries.ts';
import { answerBytesTarget, traceFilter, traceQuestion } from './schemas.ts';
import type { TraceLines } from './schemas.ts';

/** Time for which a question waits for the first line, ms. It is shorter than the deadline of a question. */
const waitMsMax = 1_000;
/** Time for which an answer collects further lines after the first one, ms. */
const collectMs = 25;
/** A trace without a question for this time has lost its reader and ends, ms. */
const unreadMsMax = 5_000;
/** Lines that an answer takes from the trace at once. */
const linesPerStep = 50;

interface RunningTrace {
  readonly trace: PacketTrace;
  readonly reader: MemberId;
  readonly untilMs: number;
  unread: NodeJS.Timeout;
  onLine: () => void;
}

/**
 * Answers the questions of a trace: `trace.start` starts one at this member, `trace.next` waits for lines and returns
 * them, `trace.stop` ends it. The reader pulls the lines, so a slow reader loses lines here, in bounded memory.
 */
export function answerTraces(queries: PeerQueries, broker: () => Pick<Broker, 'traces'> | null): void {
  const running = new Map<string, RunningTrace>();

  const stop = (id: string): void => {
    const ended = running.get(id);
    if (ended === undefined) return;
    running.delete(id);
    clearTimeout(ended.unread);
    broker()?.traces.stop(ended.trace);
    ended.onLine();
  };
  const traceOf = (
    body: unknown,
    from: MemberId,
  ): { readonly id: string; readonly running: RunningTrace } => {
    const question = traceQuestion.safeParse(body);
    const found = question.success ? running.get(question.data.id) : undefined;
    if (!question.success || found?.reader !== from) throw new QueryFault(404, 'there is no such trace');
    return { id: question.data.id, running: found };
  };

  queries.on('trace.start', (body, from) => {
    const filter = traceFilter.safeParse(body);
    const target = filter.success ? targetOf(filter.data) : null;
    if (!filter.success || target === null) throw new QueryFault(400, 'the filter of the trace is not valid');
    const { traces } = broker() ?? {};
    if (traces === undefined) throw new QueryFault(503, 'the broker of the member does not run');
    const id = randomUUID();
    const trace = traces.start(target, filter.data.payload, () => running.get(id)?.onLine());
    if (trace === null) throw new QueryFault(429, 'too many traces run; wait until one of them ends');
    running.set(id, {
      trace,
      reader: from,
      untilMs: performance.now() + filter.data.seconds * 1_000,
      unread: setTimeout(() => stop(id), unreadMsMax).unref(),
      onLine: () => {},
    });
    return { id };
  });

  queries.on('trace.next', async (body, from): Promise<TraceLines> => {
    const { id, running: next } = traceOf(body, from);
    clearTimeout(next.unread);
    if (performance.now() >= next.untilMs) stop(id);
    else {
      next.unread = setTimeout(() => stop(id), unreadMsMax).unref();
      if (!next.trace.hasLines) await lineOf(next);
    }
    return takeLines(next.trace);
  });

  queries.on('trace.stop', (body, from) => {
    stop(traceOf(body, from).id);
    return {};
  });
}

function targetOf({
  client,
  address,
  topic,
}: {
  readonly client?: string | undefined;
  readonly address?: string | undefined;
  readonly topic?: string | undefined;
}): TraceTarget | null {
  if (client !== undefined) return { client };
  if (address !== undefined) return { address };
  return topic === undefined || topicFilterFault(topic) === 'malformed' ? null : { topic };
}

/** Resolves a little after the first line, so that an answer contains many lines, or after {@link waitMsMax}. */
async function lineOf(running: RunningTrace): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMsMax);
    running.onLine = (): void => {
      clearTimeout(timer);
      running.onLine = () => {};
      setTimeout(resolve, collectMs);
    };
  });
}

function takeLines(trace: PacketTrace): TraceLines {
  const taken: TraceLines['lines'][number][] = [];
  let bytes = 0;
  let lost = 0;
  while (bytes < answerBytesTarget / 2) {
    const step = trace.take(bytes === 0 ? 1 : linesPerStep);
    lost += step.lost;
    if (step.lines.length === 0) break;
    for (const line of step.lines) {
      taken.push(line);
      bytes += Buffer.byteLength(JSON.stringify(line));
    }
  }
  return { lines: taken, lost };
}
